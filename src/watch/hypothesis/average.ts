import { valueAt, ZERO_CELL } from "../../core/cells.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Cells, Sample } from "../../core/sample.ts";
import { spreadOf, type ValueBlock, type ValueDesign, valueDesign, valueIncrements } from "../../statistics/index.ts";
import type { Arm, Cohort } from "../cohort.ts";
import type { AverageRule } from "../rule.ts";
import type { Hypothesis } from "./hypothesis.ts";
import { meanOf } from "./mean.ts";

/**
 * The mean of a value without ends. Everything that it needs is taken from stable's frozen window: the spread, where values
 * are cut, and what a percentage is of. Undefined where that window has fewer observations than `min`, or all are alike.
 */
export function averageHypothesis(rule: AverageRule, frozen: FrozenWindow | undefined): Hypothesis | undefined {
  const { signal, by, alone } = rule;
  const { min = 0, of } = signal;
  const sign = signal.better === "down" ? 1 : -1;
  const before = (frozen?.cells ?? []).map(([cell, count]) => [sign * valueAt(cell), count] as const);
  if (!frozen || frozen.n < Math.max(2, min)) return undefined;
  const { n, mean, deviation } = spreadOf(before);
  if (!(deviation > 0)) return undefined;
  const margin = by.kind === "points" ? by.value : by.value * Math.abs(mean);
  const compares = alone === undefined;
  // Without a reference the window's own mean is one, known to so much.
  const half = compares ? 0 : deviation * Math.sqrt((2 * Math.log(1 / alone)) / n);
  const line = compares ? margin : mean + margin;
  const harm = valueDesign({ direction: "harm", compares, line: line + half, before });
  const safety: ValueDesign = { ...harm, direction: "safety", line: line - half };
  const blockOf = ({ candidate, reference }: Cohort): ValueBlock => ({
    n1: candidate.n,
    sum1: sumOf(candidate, harm, sign),
    n0: reference.n,
    sum0: sumOf(reference, harm, sign),
  });
  return {
    harm,
    safety,
    test: {
      method: "asymptotic-mean",
      compares,
      harmOf: (cohort) => valueIncrements(harm, blockOf(cohort)),
      safetyOf: (cohort) => valueIncrements(safety, blockOf(cohort)),
      possible: isValued,
      shown: (arm) => ({ k: 0, ...meanOf(signal, arm) }),
      least: min,
      assumes: approximately(of, frozen.n, min),
    },
  };
}

function approximately(of: string, n: number, min: number): string {
  const many = (count: number) => count.toLocaleString("en-US");
  return `approximate (asymptotic): assumes values spread as those of stable's ${many(n)} ${of} before the release; decides from ${many(min)} of each side on`;
}

/** The sum of badness, values beyond the ends cut. */
function sumOf({ cells }: Arm, { least, greatest }: ValueDesign, sign: number): number {
  let sum = 0;
  for (const [cell, count] of cells ?? []) sum += Math.min(greatest, Math.max(least, sign * valueAt(cell))) * count;
  return sum;
}

function isValued({ n, cells = [] }: Sample): boolean {
  if (!(Number.isSafeInteger(n) && n >= 0)) return false;
  return Math.abs(countOf(cells) - n) < 1e-3 && cells.every(isCell);
}

function countOf(cells: Cells): number {
  return cells.reduce((sum, [, count]) => sum + count, 0);
}

function isCell([cell, count]: readonly [number, number]): boolean {
  return Number.isInteger(cell) && cell >= 0 && cell <= 2 * ZERO_CELL && count >= 0;
}
