import type { Signal, Trigger } from "../../core/playbook.ts";
import { linearValueEvidence } from "../../statistics/index.ts";
import type { Stated } from "../assumption.ts";
import { formatLevel, formatPercent, verbOf } from "../claim.ts";
import { gaussianBound } from "../reckoning.ts";
import type { Numbers, TriggerTest } from "./trigger-test.ts";

/** Values of which nothing is known spread as much as their mean is great, or ten times as far as a margin in their unit. */
const MARGINS = 10;
/** A candidate is at most so many standard deviations worse: beyond, everything is decided at once. */
const FARTHEST = 0.98;

/**
 * A mean without ends as the evaluator will test it, in standard deviations: values are half of the time one above the mean,
 * and half of the time one below, so a rate of 0.5 is the mean itself.
 */
export function averageTest(
  { by }: Extract<Trigger, { kind: "compare" }>,
  signal: Signal,
  times: number,
  alpha: number,
  { baselines, harms }: Stated,
): Numbers & Pick<TriggerTest, "sayHarm" | "baseline" | "assumes" | "least"> {
  const mean = baselines?.get(signal.name);
  const deviation = mean === undefined ? (by.kind === "relative" ? 1 : MARGINS * by.value) : Math.abs(mean);
  const margin = by.kind === "points" ? by.value : by.value * deviation;
  const stated = harms?.get(signal.name);
  const worse = stated === undefined ? times * margin : Math.abs(stated - (mean ?? 0));
  const rate = (level: number) => Math.min(FARTHEST, 0.5 + level / deviation / 2);
  const line = margin / deviation;
  return {
    null: { ratio: 1, points: line / 2 },
    p0: 0.5,
    p1: rate(worse),
    chances: 1,
    least: signal.min ?? 0,
    evidence: (direction, share) => linearValueEvidence(direction, line, share),
    bound: (share) => gaussianBound({ gap: worse / deviation - line, variance: 1 / (1 - share), alpha }),
    sayHarm: `${signal.name} ${sayWorse(worse, mean, by.kind, signal)}`,
    baseline: mean === undefined ? "not known" : formatLevel(mean, signal),
    assumes: `assuming that the values of ${signal.name} spread ${saySpread(mean, by.kind)}, approximately (asymptotic) and with nothing decided before ${(signal.min ?? 0).toLocaleString("en-US")} of each side`,
  };
}

function sayWorse(worse: number, mean: number | undefined, kind: "relative" | "points", signal: Signal): string {
  const word = signal.better === "up" ? "lower" : "higher";
  if (mean === undefined)
    return kind === "relative" ? `${formatPercent(rounded(worse))} ${word}` : `${rounded(worse)} ${word}`;
  return `${verbOf(signal)} ${rounded(signal.better === "up" ? mean - worse : mean + worse)}`;
}

function saySpread(mean: number | undefined, kind: "relative" | "points"): string {
  return mean === undefined && kind === "points"
    ? `${MARGINS} times as far as the margin (say \`--baseline\` for a better guess)`
    : "as far as their mean is great";
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
