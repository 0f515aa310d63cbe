import {
  type Criterion,
  type HardLimit,
  type Margin,
  percentile,
  type Signal,
  TIME_QUANTILES,
  type Trigger,
} from "../core/playbook.ts";
import { formatDuration, type Milliseconds } from "../core/time.ts";

/**
 * What the statistics test, in rates of *bad* outcomes: "candidate <= ratio * reference + points".
 * `badIs` says which outcome of the signal is the bad one: its `part`, or the rest of `of`. Of a mean the rates are
 * badness on [0, 1]: 0 the best end of its scale, 1 the worst.
 */
export interface BadnessNull {
  readonly ratio: number;
  readonly points: number;
  readonly badIs: "part" | "rest";
}

/** A claim that is one null hypothesis by itself; that of `slows` needs the time that stable took before. */
export type NullClaim = Exclude<Trigger, { readonly kind: "slows" }> | Criterion;

/**
 * Compiles a claim to its null hypothesis. Of a trigger the null is "no harm", of a criterion "still acceptable": both
 * say how bad is not too bad. A share q that is better up has the badness b = 1 - q, so "falls by 15 %" becomes
 * b1 <= 0.85 b0 + 0.15. A mean v between `low` and `high` has b = (v - low) / (high - low), turned where up is better; a
 * count has occurrences for each of `of`, which may be more than 1. Of `differ` the two sides are two groups of the candidate.
 * Throws a RangeError for a claim that calls good news harm; parsed playbooks have none.
 */
export function compileNull(claim: NullClaim, signal: Signal): BadnessNull {
  const wrong = contradiction(claim, signal);
  if (wrong) throw new RangeError(wrong);
  const badIs = signal.better === "down" ? "part" : "rest";
  // Every signal has a scale from `low` to `high`; a share's is 0 to 1, and a count's begins at 0.
  const [low, high] = signal.range ?? [0, 1];
  const width = high - low;
  if ("limit" in claim) {
    return { ratio: 0, points: (badIs === "part" ? claim.limit - low : high - claim.limit) / width, badIs };
  }
  const margin = claim.kind === "within" ? claim.margin : claim.by;
  if (margin.kind === "points") return { ratio: 1, points: margin.value / width, badIs };
  if (badIs === "part") return { ratio: 1 + margin.value, points: (margin.value * low) / width, badIs };
  return { ratio: 1 - margin.value, points: (margin.value * high) / width, badIs };
}

/** Why a claim contradicts what its signal calls better, or undefined. */
export function contradiction(claim: Trigger | Criterion | HardLimit, signal: Signal): string | undefined {
  const { name, better } = signal;
  const says = `the signal says \`better: ${better}\`.`;
  if ("comparison" in claim) {
    const upwards = claim.comparison.startsWith(">");
    if (claim.inARow !== undefined || upwards === (better === "down")) return undefined;
    return `${upwards ? "Many" : "Few"} ${name} are good news: ${says}`;
  }
  switch (claim.kind) {
    case "compare":
      if ((claim.move === "rises") === (better === "down")) return undefined;
      return `A ${claim.move === "rises" ? "rise" : "fall"} of ${name} is good news: ${says}`;
    case "limit":
      if ((claim.side === "above") === (better === "down")) return undefined;
      return `${name} ${claim.side} a limit is good news: ${says}`;
    case "below":
    case "above":
      if ((claim.kind === "below") === (better === "down")) return undefined;
      return `${name} ${claim.kind} a limit is no recovery: ${says}`;
    default:
      return undefined;
  }
}

/** A claim as an English sentence without its full stop: "losses rise by more than 60 %". */
export function claimOf(claim: Trigger | Criterion | HardLimit, signal: Signal): string {
  if ("comparison" in claim) return hardClaim(claim, signal);
  const recent = "within" in claim && claim.within !== undefined ? `, within ${formatSpan(claim.within)}` : "";
  const segments = "inAny" in claim && claim.inAny !== undefined ? `, in the whole or in any ${claim.inAny}` : "";
  return `${statement(claim, signal)}${segments}${recent}`;
}

function hardClaim(claim: HardLimit, signal: Signal): string {
  if (claim.inARow !== undefined) {
    const { part, of } = signal;
    return signal.better === "down"
      ? `${claim.inARow} ${of} in a row are all ${part}`
      : `of ${claim.inARow} ${of} in a row not one is ${part}`;
  }
  const limit = signal.kind === "count" ? `${claim.limit}` : formatPercent(claim.limit);
  const window = claim.over === undefined ? "" : ` over ${formatDuration(claim.over)}`;
  const least = claim.min > 0 ? `, with at least ${claim.min} observations` : "";
  return `${signal.name} ${verbOf(signal)} ${comparisonWords[claim.comparison]} ${limit}${window}${least}`;
}

function statement(claim: Trigger | Criterion, signal: Signal): string {
  const { name } = signal;
  switch (claim.kind) {
    case "compare": {
      const moves = isPlural(name) ? claim.move.slice(0, -1) : claim.move;
      return `${name} ${moves} by more than ${formatMargin(claim.by, signal)}`;
    }
    case "differ":
      return `${name} of the groups of ${claim.across} differ by more than ${formatMargin(claim.by, signal)}`;
    case "slows": {
      const all = (claim.quantile === undefined ? TIME_QUANTILES : [claim.quantile]).map(percentile);
      const some = all.length === 1 ? all[0] : `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`;
      return `${some} of ${name} grows by more than ${formatPercent(claim.by)}`;
    }
    case "within":
      return `${name} ${verbOf(signal)} within ${formatMargin(claim.margin, signal)} of stable`;
    default: {
      const side = claim.kind === "limit" ? claim.side : claim.kind;
      return `${name} ${verbOf(signal)} ${side} ${formatLevel(claim.limit, signal)}`;
    }
  }
}

const comparisonWords = { ">": "more than", ">=": "at least", "<": "less than", "<=": "at most" } as const;

const isPlural = (name: string): boolean => /[^su]s$/.test(name);

/** What the verb "to be" is after a signal's name. */
export function verbOf({ name }: Signal): string {
  return isPlural(name) ? "are" : "is";
}

/** A fraction as people say it: 0.008 is `0.8 %`. */
export function formatPercent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(6))} %`;
}

/** A badness, as the null has it, on the signal's own scale. */
export function levelOf(badness: number, { better, range: [low, high] = [0, 1] }: Signal): number {
  return better === "down" ? low + badness * (high - low) : high - badness * (high - low);
}

/** A level of a signal in its own unit: `0.8 %`, `2 per 100 requests`, `-0.3 (of -1 to 1)`. */
export function formatLevel(value: number, { kind, of, range }: Signal): string {
  if (kind === "share") return formatPercent(value);
  if (range) return `${Number(value.toPrecision(6))} (of ${range[0]} to ${range[1]})`;
  if (kind === "mean") return `${Number(value.toPrecision(6))}`;
  // As many of `of` as make at least one occurrence.
  const whole = 10 ** Math.max(2, Math.ceil(-Math.log10(value) - 1e-9));
  return `${Number((value * whole).toPrecision(6)).toLocaleString("en-US")} per ${whole.toLocaleString("en-US")} ${of}`;
}

function formatMargin(margin: Margin, signal: Signal): string {
  if (margin.kind === "relative") return formatPercent(margin.value);
  if (signal.kind !== "share") return formatLevel(margin.value, signal);
  const points = Number((margin.value * 100).toPrecision(6));
  return points === 1 ? "1 point" : `${points} points`;
}

const spans = { day: 86_400_000, hour: 3_600_000, minute: 60_000, second: 1000 } as const;

/** A span as it was written: 600,000 ms is `10 minutes`. */
function formatSpan(span: Milliseconds): string {
  const [unit, length] = Object.entries(spans).find(([, each]) => span >= each && span % each === 0) ?? [];
  if (unit === undefined || length === undefined) return formatDuration(span);
  return span === length ? `1 ${unit}` : `${span / length} ${unit}s`;
}
