import type { Criterion, HardLimit, Margin, Signal, Trigger } from "../core/playbook.ts";
import { formatDuration } from "../core/time.ts";

/**
 * What the statistics test, in rates of *bad* outcomes: "candidate <= ratio * reference + points".
 * `badIs` says which outcome of the signal is the bad one: its `part`, or the rest of `of`.
 */
export interface BadnessNull {
  readonly ratio: number;
  readonly points: number;
  readonly badIs: "part" | "rest";
}

/**
 * Compiles a claim to its null hypothesis. Of a trigger the null is "no harm", of a criterion "still acceptable": both
 * say how bad is not too bad. A share q that is better up has the badness b = 1 - q, so "falls by 15 %" becomes
 * b1 <= 0.85 b0 + 0.15. Throws a RangeError for a claim that calls good news harm; parsed playbooks have none.
 */
export function compileNull(claim: Trigger | Criterion, signal: Signal): BadnessNull {
  const wrong = contradiction(claim, signal);
  if (wrong) throw new RangeError(wrong);
  const badIs = signal.better === "down" ? "part" : "rest";
  if (claim.kind === "compare" || claim.kind === "within") {
    const margin = claim.kind === "compare" ? claim.by : claim.margin;
    if (margin.kind === "points") return { ratio: 1, points: margin.value, badIs };
    if (badIs === "part") return { ratio: 1 + margin.value, points: 0, badIs };
    return { ratio: 1 - margin.value, points: margin.value, badIs };
  }
  return { ratio: 0, points: badIs === "part" ? claim.limit : 1 - claim.limit, badIs };
}

/** Why a claim contradicts what its signal calls better, or undefined. */
export function contradiction(claim: Trigger | Criterion | HardLimit, signal: Signal): string | undefined {
  const name = signal.name;
  if ("comparison" in claim) {
    const upwards = claim.comparison.startsWith(">");
    if (upwards === (signal.better === "down")) return undefined;
    return `${upwards ? "Many" : "Few"} ${name} are good news: the signal says \`better: ${signal.better}\`.`;
  }
  if (claim.kind === "compare") {
    if ((claim.move === "rises") === (signal.better === "down")) return undefined;
    return `A ${claim.move === "rises" ? "rise" : "fall"} of ${name} is good news: the signal says \`better: ${signal.better}\`.`;
  }
  if (claim.kind === "limit") {
    if ((claim.side === "above") === (signal.better === "down")) return undefined;
    return `${name} ${claim.side} a limit is good news: the signal says \`better: ${signal.better}\`.`;
  }
  if (claim.kind === "within" || (claim.kind === "below") === (signal.better === "down")) return undefined;
  return `${name} ${claim.kind} a limit is no recovery: the signal says \`better: ${signal.better}\`.`;
}

/** A claim as an English sentence without its full stop: "losses rise by more than 60 %". */
export function claimOf(claim: Trigger | Criterion | HardLimit, signal: Signal): string {
  const name = signal.name;
  const plural = /[^su]s$/.test(name);
  const be = plural ? "are" : "is";
  if ("comparison" in claim) {
    const limit = signal.kind === "count" ? `${claim.limit}` : formatPercent(claim.limit);
    const window = claim.over === undefined ? "" : ` over ${formatDuration(claim.over)}`;
    const least = claim.min > 0 ? `, with at least ${claim.min} observations` : "";
    return `${name} ${be} ${comparisonWords[claim.comparison]} ${limit}${window}${least}`;
  }
  if (claim.kind === "compare") {
    const verb = plural ? claim.move.slice(0, -1) : claim.move;
    return `${name} ${verb} by more than ${formatMargin(claim.by)}`;
  }
  if (claim.kind === "within") return `${name} ${be} within ${formatMargin(claim.margin)} of stable`;
  return `${name} ${be} ${claim.kind === "limit" ? claim.side : claim.kind} ${formatPercent(claim.limit)}`;
}

const comparisonWords = { ">": "more than", ">=": "at least", "<": "less than", "<=": "at most" } as const;

/** A fraction as people say it: 0.008 is `0.8 %`. */
export function formatPercent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(6))} %`;
}

function formatMargin(margin: Margin): string {
  if (margin.kind === "relative") return formatPercent(margin.value);
  const points = Number((margin.value * 100).toPrecision(6));
  return points === 1 ? "1 point" : `${points} points`;
}
