import type { Margin } from "../core/playbook.ts";
import { type Milliseconds, parseDuration } from "../core/time.ts";
import { type IssueCode, type IssueList, quote } from "./issue.ts";
import { NUMBER, patterns } from "./patterns.ts";
import { readText } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

/** A closed range; the lower end is left out where `open`. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly open?: boolean;
}

const YEAR = 366 * 86_400_000;

type Complain = (code: IssueCode, message: string, hint: string) => undefined;

function complainAt(entry: YamlEntry, issues: IssueList): Complain {
  return (code, message, hint) => {
    issues.add(code, entry.value.offset, message, hint);
    return undefined;
  };
}

function within(value: number, range: Range): boolean {
  return value <= range.to && (range.open ? value > range.from : value >= range.from);
}

/** `5%` as 0.05. */
export function readPercent(entry: YamlEntry, range: Range, issues: IssueList): number | undefined {
  const text = readText(entry, `${entry.key}: 5%`, issues);
  return text === undefined ? undefined : percentOf(text, entry, range, issues);
}

export function percentOf(text: string, entry: YamlEntry, range: Range, issues: IssueList): number | undefined {
  const complain = complainAt(entry, issues);
  const match = new RegExp(patterns.percent).exec(text);
  if (!match) return complain(...explainPercent(text, entry.key, ["%"]));
  const value = Number(match[1]) / 100;
  if (within(value, range)) return value;
  return complain(
    "OUT_OF_RANGE",
    `${quote(text)} is outside ${rangeText(range)}.`,
    `Write for example \`${entry.key === "hard" ? "hard: errors > 5%" : `${entry.key}: 5%`}\`.`,
  );
}

function rangeText(range: Range): string {
  const show = (end: number) => `${Number((end * 100).toPrecision(6))}%`;
  return `${range.open ? "more than " : ""}${show(range.from)} to ${show(range.to)}`;
}

/** `60%` is relative, `5pp` is percentage points. */
export function readMargin(entry: YamlEntry, largest: number, issues: IssueList): Margin | undefined {
  const text = readText(entry, `${entry.key}: 5%`, issues);
  if (text === undefined) return undefined;
  const complain = complainAt(entry, issues);
  const match = new RegExp(patterns.margin).exec(text);
  if (!match) return complain(...explainPercent(text, entry.key, ["%", "pp"]));
  const kind = match[2] === "%" ? "relative" : "points";
  const value = Number(match[1]) / 100;
  const most = kind === "relative" ? largest : 0.99;
  if (value > 0 && value <= most) return { kind, value };
  const message = `${quote(text)} is no usable margin: it must be more than 0 and at most ${Number((most * 100).toPrecision(6))}${match[2]}.`;
  return complain("OUT_OF_RANGE", message, "Write how much worse is still acceptable, for example `5%`.");
}

function explainPercent(text: string, key: string, units: readonly string[]): [IssueCode, string, string] {
  const choice = (number: string) =>
    units.length === 1
      ? `Write \`${key}: ${number}%\`.`
      : `Write \`${key}: ${number}%\` (relative) or \`${key}: ${number}pp\` (percentage points).`;
  const bare = new RegExp(`^(${NUMBER})$`).exec(text);
  if (bare) {
    // 0.05 was most likely written by somebody who means 5 %.
    const number = Number(text) < 1 ? String(Number((Number(text) * 100).toPrecision(6))) : text;
    return ["WRONG_UNIT", `${quote(text)} has no unit: a fraction, percent or points?`, choice(number)];
  }
  const spelled = new RegExp(`^(${NUMBER})\\s*(?:percent|per cent|pct|points?|ppt?|bps?)$`, "i").exec(text);
  if (spelled) return ["WRONG_UNIT", `The unit of ${quote(text)} is written otherwise.`, choice(spelled[1] ?? "5")];
  const comma = /^(\d+),(\d+)\s*(%|pp)?$/.exec(text);
  if (comma) {
    return ["BAD_VALUE", `${quote(text)} has a comma; a playbook uses the point.`, choice(`${comma[1]}.${comma[2]}`)];
  }
  if (/^[-+]/.test(text)) {
    return [
      "BAD_VALUE",
      `${quote(text)} has a sign; the direction is said in words.`,
      choice(text.replace(/[^\d.]/g, "") || "5"),
    ];
  }
  return [
    "BAD_VALUE",
    `${quote(text)} is not a number with ${units.map((unit) => `\`${unit}\``).join(" or ")}.`,
    choice("5"),
  ];
}

const spelledSpans: readonly (readonly [RegExp, string])[] = [
  [/^milli(?:second)?s?$|^msecs?$/, "ms"],
  [/^sec(?:ond)?s?$/, "s"],
  [/^min(?:ute)?s?$/, "m"],
  [/^h(?:ou)?rs?$/, "h"],
  [/^days?$/, "d"],
];

/** `250ms`, `30s`, `15m`, `1h`, `14d` as milliseconds: more than nothing, at most 366 days. */
export function readSpan(entry: YamlEntry, issues: IssueList): Milliseconds | undefined {
  const text = readText(entry, `${entry.key}: 30s`, issues);
  return text === undefined ? undefined : spanOf(text, entry, issues);
}

export function spanOf(text: string, entry: YamlEntry, issues: IssueList): Milliseconds | undefined {
  const complain = complainAt(entry, issues);
  const span = parseDuration(text);
  if (span !== undefined) {
    if (span >= 1 && span <= YEAR) return span;
    const message = `${quote(text)} is outside 1ms to 366d.`;
    return complain("OUT_OF_RANGE", message, `Write for example \`${entry.key}: 30s\`.`);
  }
  const match = new RegExp(`^(${NUMBER})\\s*([a-z]*)\\.?$`, "i").exec(text);
  if (match?.[2] === "") {
    const message = `${quote(text)} has no unit.`;
    return complain("WRONG_UNIT", message, `Write \`${text}s\` for seconds or \`${text}m\` for minutes.`);
  }
  const word = match?.[2]?.toLowerCase() ?? "";
  const unit =
    spelledSpans.find(([pattern]) => pattern.test(word))?.[1] ?? (/^(?:ms|[smhd])$/.test(word) ? word : undefined);
  if (match && unit) {
    const message = `${quote(text)} is written otherwise: a number and one of ms, s, m, h, d without a space.`;
    return complain("WRONG_UNIT", message, `Write \`${match[1]}${unit}\`.`);
  }
  const message = `${quote(text)} is not a span of time.`;
  return complain("BAD_VALUE", message, "Write one number with ms, s, m, h or d: `250ms`, `30s`, `90m`, `14d`.");
}

const perSecond = { s: 1, min: 1 / 60, h: 1 / 3600 } as const;

/** `600 applications/s`, `2000 decisions/min`, `50/h` as requests a second. */
export function readTraffic(entry: YamlEntry, issues: IssueList): number | undefined {
  const example = "traffic: 600 applications/s";
  const text = readText(entry, example, issues);
  if (text === undefined) return undefined;
  const complain = complainAt(entry, issues);
  const match = new RegExp(patterns.traffic).exec(text);
  if (match) {
    const rate = Number(match[1]) * perSecond[match[2] as keyof typeof perSecond];
    if (rate > 0 && rate <= 1e9) return rate;
    return complain("OUT_OF_RANGE", `${quote(text)} is no usable traffic.`, `Write for example \`${example}\`.`);
  }
  if (/^\d{1,3}(?:[,.' ]\d{3})+\D/.test(text) || /^\d+(?:\.\d+)?\s*[kKmM]\b/.test(text)) {
    const message = `The number in ${quote(text)} is shortened or grouped; a playbook writes the digits only.`;
    return complain("BAD_VALUE", message, "Write `2000`, not `2,000` or `2k`.");
  }
  if (new RegExp(`^${NUMBER}\\b`).test(text)) {
    const message = `${quote(text)} does not say for which time: one of \`/s\`, \`/min\`, \`/h\`.`;
    return complain("WRONG_UNIT", message, `Write for example \`${example}\`.`);
  }
  return complain("BAD_VALUE", `${quote(text)} is not a rate of traffic.`, `Write for example \`${example}\`.`);
}

/** `1 in 1000 releases` or `0.1%`, more than 0 and at most 0.1. */
export function readOdds(entry: YamlEntry, issues: IssueList): number | undefined {
  const example = "false-alarms: 1 in 1000 releases";
  const text = readText(entry, example, issues);
  if (text === undefined) return undefined;
  const complain = complainAt(entry, issues);
  const match = new RegExp(patterns.odds).exec(text);
  if (!match) {
    const message = `${quote(text)} is not a probability of false alarms.`;
    return complain("BAD_VALUE", message, `Write \`${example}\` or \`false-alarms: 0.1%\`.`);
  }
  const [, part, whole, percent] = match;
  const value = percent === undefined ? Number(part) / Number(whole) : Number(percent) / 100;
  if (value > 0 && value <= 0.1) return value;
  const message = `${quote(text)} is outside more than 0 to 1 in 10: more alarms than that, and nobody believes any.`;
  return complain("OUT_OF_RANGE", message, `Write for example \`${example}\`.`);
}

/** A whole number. */
export function wholeOf(text: string, entry: YamlEntry, range: Range, issues: IssueList): number | undefined {
  const complain = complainAt(entry, issues);
  if (!new RegExp(patterns.whole).test(text)) {
    const message = `${quote(text)} is not a whole number.`;
    return complain(
      "BAD_VALUE",
      message,
      `Write the digits only, for example \`${entry.key === "hard" ? "hard: leaks >= 1" : `${entry.key}: ${Math.min(200, range.to)}`}\`.`,
    );
  }
  const value = Number(text);
  if (within(value, range)) return value;
  return complain(
    "OUT_OF_RANGE",
    `${quote(text)} is outside ${range.from} to ${range.to}.`,
    "Write a number in that range.",
  );
}
