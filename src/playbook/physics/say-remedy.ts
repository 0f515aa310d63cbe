import type { Signal, Trigger } from "../../core/playbook.ts";
import { formatLevel, formatPercent } from "../claim.ts";
import type { Remedy } from "./remedy.ts";

/** What would make a trigger decidable, as a sentence: each of these does by itself. */
export function sayRemedy({ perSecond, each, within, margin }: Remedy, trigger: Trigger, signal: Signal): string {
  const ways = [
    ...(perSecond === undefined ? [] : [`\`traffic: ${sayTraffic(perSecond)}\``]),
    ...(each === undefined ? [] : [`\`each: ${saySpan(each)}\``]),
    ...(within === undefined ? [] : [`\`within: ${saySpan(within)}\``]),
    ...(margin === undefined ? [] : [`\`${sayMargin(margin, trigger, signal)}\``]),
  ];
  if (ways.length === 0) return "No traffic, no steps and no margin within reason would do.";
  return `Any of these would do: ${ways.join(", or ")}.`;
}

/** As a playbook writes it. */
export function sayTraffic(perSecond: number): string {
  if (perSecond >= 1) return `${Number(perSecond.toPrecision(6))} requests/s`;
  return perSecond >= 1 / 60
    ? `${Math.ceil(perSecond * 60 - 1e-9)} requests/min`
    : `${Math.ceil(perSecond * 3600 - 1e-9)} requests/h`;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** As a playbook writes it, rounded up: at most a twentieth more than it has to be. */
function saySpan(span: number): string {
  const [unit, size] = UNITS.find(([, size]) => span >= 20 * size) ?? (["s", 1000] as const);
  return `${Math.ceil(span / size)}${unit}`;
}

function sayMargin(margin: number, trigger: Trigger, signal: Signal): string {
  if (trigger.kind === "limit")
    return `limit: ${signal.kind === "share" ? percent(margin) : formatLevel(margin, signal)}`;
  if (trigger.kind === "slows" || trigger.by.kind === "relative") return `by: ${percent(margin)}`;
  return signal.kind === "share" ? `by: ${percent(margin).replace("%", "pp")}` : `by: ${margin}`;
}

const percent = (fraction: number): string => formatPercent(fraction).replace(" ", "");
