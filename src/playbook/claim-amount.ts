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
 * number of occurrences for each of `of`. A mean: a plain number on its scale, or `5%` where the scale has nothing below 0.
 */
export function readMarginOf(signal: Signal | undefined, entry: YamlEntry, issues: IssueList): Margin | undefined {
  if (!signal) return unitUnknown(entry) ? undefined : readMargin(entry, 100, issues);
  if (!hasNumbers(signal)) return readPart(signal, entry, issues);
  const { name, kind, range } = signal;
  const [least, greatest] = range ?? [0, MOST_OCCURRENCES];
  const width = greatest - least;
  const hint = hintFor(entry, signal, range ? width / 10 : SOME_OCCURRENCES);
  const text = readText(entry, `${entry.key}: 0.2`, issues);
  if (text === undefined) return undefined;
  const complain = complainer(entry, issues);
  if (text.endsWith("pp")) {
    return complain("WRONG_UNIT", `${quote(name)} is a ${kind}, and percentage points are of shares.`, hint);
  }
  if (text.endsWith("%")) {
    if (least >= 0) return readPart(signal, entry, issues);
    const message = `${quote(name)} can be below 0 (${least} to ${greatest}), where a percentage of it says nothing.`;
    return complain("WRONG_UNIT", message, hint);
  }
  const value = numberOf(text, entry, issues);
  if (value === undefined) return undefined;
  if (value > 0 && value < width) return { kind: "points", value };
  return complain("OUT_OF_RANGE", `${quote(text)} is not more than 0 and less than ${show(width)}.`, hint);
}

/** A part of what it is now: what is good can fall by no more than all of it, and a score no further than its scale. */
function readPart(signal: Signal, entry: YamlEntry, issues: IssueList): Margin | undefined {
  const margin = readMargin(entry, signal.better === "up" ? 0.99 : 100, issues);
  if (!margin || !signal.range) return margin;
  const [least, greatest] = signal.range;
  if (margin.value < (greatest - least) / (signal.better === "up" ? greatest : least)) return margin;
  const message = `${quote(signal.name)} is ${least} to ${greatest}: it never moves so far, so this would claim nothing.`;
  issues.add("OUT_OF_RANGE", entry.value.offset, message, "Write a smaller margin.");
  return undefined;
}

/** Where harm begins or ends, in the signal's unit: a share in `%`, a count for each of `of`, a mean on its scale. */
export function readLimitOf(signal: Signal | undefined, entry: YamlEntry, issues: IssueList): number | undefined {
  if (!signal && unitUnknown(entry)) return undefined;
  if (!signal || !hasNumbers(signal)) return readPercent(entry, { from: 0, to: 0.99, open: true }, issues);
  const { name, kind, range } = signal;
  const [least, greatest] = range ?? [0, MOST_OCCURRENCES];
  const hint = hintFor(entry, signal, range ? least + 0.35 * (greatest - least) : SOME_OCCURRENCES);
  const text = readText(entry, `${entry.key}: 0.2`, issues);
  if (text === undefined) return undefined;
  const complain = complainer(entry, issues);
  if (/(?:%|pp)$/.test(text)) {
    return complain("WRONG_UNIT", `${quote(name)} is a ${kind}; a limit in percent needs a share.`, hint);
  }
  const value = numberOf(text, entry, issues);
  if (value === undefined || (value > least && value < greatest)) return value;
  return complain("OUT_OF_RANGE", `${quote(text)} is not between ${show(least)} and ${show(greatest)}.`, hint);
}

/** `-0.3` as -0.3. */
export function readNumber(entry: YamlEntry, example: string, issues: IssueList): number | undefined {
  const text = readText(entry, example, issues);
  return text === undefined ? undefined : numberOf(text, entry, issues);
}

const number = new RegExp(patterns.number);

function numberOf(text: string, entry: YamlEntry, issues: IssueList): number | undefined {
  if (number.test(text)) return Number(text);
  const message = `${quote(text)} is not a plain number.`;
  issues.add("BAD_VALUE", entry.value.offset, message, "Write the digits, with a point: `0.2` or `-0.3`.");
  return undefined;
}

/** A plain number about a signal that could not be read: it may well be right. */
function unitUnknown({ value }: YamlEntry): boolean {
  return value.kind === "text" && number.test(value.value);
}

/** Whether its amounts are plain numbers. */
function hasNumbers({ kind }: Signal): boolean {
  return kind === "count" || kind === "mean";
}

function complainer(entry: YamlEntry, issues: IssueList) {
  return (code: "WRONG_UNIT" | "OUT_OF_RANGE", message: string, hint: string): undefined => {
    issues.add(code, entry.value.offset, message, hint);
    return undefined;
  };
}

const SOME_OCCURRENCES = 0.02;

function hintFor({ key }: YamlEntry, { of, range, kind, part }: Signal, sample: number): string {
  if (kind === "mean" && !range) return `Write a percentage, \`${key}: 5%\`, or a number in the unit of ${part}.`;
  const scale = range ? `on the scale of ${range[0]} to ${range[1]}` : `for each of ${of}`;
  return `Write a number ${scale}, for example \`${key}: ${Number(sample.toPrecision(6))}\`.`;
}

const show = (value: number): string => value.toLocaleString("en-US");
