import type { Margin, Signal } from "../core/playbook.ts";
import { type IssueList, quote } from "./issue.ts";
import { patterns } from "./patterns.ts";
import { readMargin, readPercent } from "./quantity.ts";
import { readText } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

/** More occurrences for each of `of` than this are a slip. */
const MOST_OCCURRENCES = 1e9;

/**
 * How much worse is too much, in the signal's unit. A share: `5%` of what it is, or `5pp`. A count: `5%`, or a plain
 * number of occurrences for each of `of`. A mean: a plain number on its scale, or `5%` where the scale begins at 0 or above.
 * A signal that could not be read is taken for a share.
 */
export function readMarginOf(signal: Signal | undefined, entry: YamlEntry, issues: IssueList): Margin | undefined {
  if (!signal || (signal.kind !== "count" && signal.kind !== "mean")) return readPart(signal, entry, issues);
  const example = signal.kind === "mean" ? `${entry.key}: 0.2` : `${entry.key}: 60%`;
  const text = readText(entry, example, issues);
  if (text === undefined) return undefined;
  const complain = complainer(entry, issues);
  const hint = `Write how far ${scaleOf(signal)}, for example \`${entry.key}: ${signal.kind === "mean" ? rounded(widthOf(signal) / 10) : 0.02}\`.`;
  if (/pp$/.test(text)) {
    return complain(
      "WRONG_UNIT",
      `${quote(signal.name)} is a ${signal.kind}, and percentage points are of shares.`,
      hint,
    );
  }
  if (/%$/.test(text)) {
    const [least = 0] = signal.range ?? [];
    if (least >= 0) return readPart(signal, entry, issues);
    const message = `${quote(signal.name)} can be below 0 (${rangeOf(signal)}), where a percentage of it says nothing.`;
    return complain("WRONG_UNIT", message, hint);
  }
  const value = numberOf(text, entry, issues);
  if (value === undefined) return undefined;
  const most = signal.kind === "mean" ? widthOf(signal) : MOST_OCCURRENCES;
  if (value > 0 && value < most) return { kind: "points", value };
  return complain(
    "OUT_OF_RANGE",
    `${quote(text)} is not more than 0 and less than ${most.toLocaleString("en-US")}.`,
    hint,
  );
}

/** A part of what it is now: what is good can fall by no more than all of it, and a score no further than its scale. */
function readPart(signal: Signal | undefined, entry: YamlEntry, issues: IssueList): Margin | undefined {
  const margin = readMargin(entry, signal?.better === "up" ? 0.99 : 100, issues);
  if (!margin || !signal?.range) return margin;
  const [least, greatest] = signal.range;
  if (margin.value < (greatest - least) / (signal.better === "up" ? greatest : least)) return margin;
  const message = `${quote(signal.name)} is ${rangeOf(signal)}: it never moves so far, so this would claim nothing.`;
  issues.add("OUT_OF_RANGE", entry.value.offset, message, "Write a smaller margin.");
  return undefined;
}

/** Where harm begins or ends, in the signal's unit: a share in `%`, a count in occurrences for each of `of`, a mean on its scale. */
export function readLimitOf(signal: Signal | undefined, entry: YamlEntry, issues: IssueList): number | undefined {
  if (!signal || (signal.kind !== "count" && signal.kind !== "mean")) {
    return readPercent(entry, { from: 0, to: 0.99, open: true }, issues);
  }
  const [least, greatest] = signal.range ?? [0, MOST_OCCURRENCES];
  const sample = signal.kind === "mean" ? rounded(least + 0.35 * (greatest - least)) : 0.02;
  const hint = `Write a number ${scaleOf(signal)}, for example \`${entry.key}: ${sample}\`.`;
  const text = readText(entry, `${entry.key}: ${sample}`, issues);
  if (text === undefined) return undefined;
  const complain = complainer(entry, issues);
  if (/(?:%|pp)$/.test(text)) {
    return complain("WRONG_UNIT", `${quote(signal.name)} is a ${signal.kind}; a limit in percent needs a share.`, hint);
  }
  const value = numberOf(text, entry, issues);
  if (value === undefined || (value > least && value < greatest)) return value;
  const range = `${least.toLocaleString("en-US")} and ${greatest.toLocaleString("en-US")}`;
  return complain("OUT_OF_RANGE", `${quote(text)} is not between ${range}.`, hint);
}

/** `-0.3` as -0.3. */
export function readNumber(entry: YamlEntry, example: string, issues: IssueList): number | undefined {
  const text = readText(entry, example, issues);
  return text === undefined ? undefined : numberOf(text, entry, issues);
}

function numberOf(text: string, entry: YamlEntry, issues: IssueList): number | undefined {
  if (new RegExp(patterns.number).test(text)) return Number(text);
  const message = `${quote(text)} is not a plain number.`;
  issues.add("BAD_VALUE", entry.value.offset, message, "Write the digits, with a point: `0.2` or `-0.3`.");
  return undefined;
}

function complainer(entry: YamlEntry, issues: IssueList) {
  return (code: "WRONG_UNIT" | "OUT_OF_RANGE", message: string, hint: string): undefined => {
    issues.add(code, entry.value.offset, message, hint);
    return undefined;
  };
}

function widthOf({ range: [least, greatest] = [0, 1] }: Signal): number {
  return greatest - least;
}

function rangeOf({ range: [least, greatest] = [0, 1] }: Signal): string {
  return `${least} to ${greatest}`;
}

function scaleOf(signal: Signal): string {
  return signal.kind === "mean" ? `on the scale of ${rangeOf(signal)}` : `for each of ${signal.of}`;
}

const rounded = (value: number): number => Number(value.toPrecision(6));
