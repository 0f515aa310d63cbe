import { bucketOf, LAST_BUCKET, upperEdge } from "../../core/cells.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";
import {
  type Block,
  chooseForm,
  createLogHistogram,
  type Design,
  type DesignRequest,
  harmDesign,
  incrementsOf,
  type LogHistogram,
  NumberShelf,
  quantileBounds,
  safetyDesign,
} from "../../statistics/index.ts";
import type { Arm, Cohort } from "../cohort.ts";
import type { TimeRule } from "../rule.ts";
import { type Hypothesis, incrementsAt } from "./hypothesis.ts";

/** How sure the bounds of a quantile are that only its middle is taken of. */
const ANY = 0.05;

/**
 * "The p95 grows by more than 20 %" is a statement about shares: slow is what takes longer than 1.2 times stable's own p95,
 * frozen before the release; of stable a share s was slow (less than 5 %), and harm is that the candidate has more slow
 * ones than stable has at the same time, by more than 5 % - s. So it holds for any distribution, outliers weigh no more
 * than their number, and a slow hour of both is no harm. Without a stable beside it, harm is that more than 5 % take longer
 * than 1.2 times the upper bound of the frozen quantile. Without a frozen window there is no line: undefined.
 */
export function timeHypothesis(
  rule: TimeRule,
  frozen: FrozenWindow | undefined,
  harmOf = harmDesign,
  shelf = new NumberShelf(),
): Hypothesis | undefined {
  if (!frozen?.cells || frozen.n === 0) return undefined;
  const before = createLogHistogram(frozen.cells);
  const bounds = quantileBounds(before, rule.quantile, rule.alone ?? ANY);
  const [forHarm, forSafety] =
    rule.alone === undefined ? [bounds.estimate, bounds.estimate] : [bounds.high, bounds.low];
  const harm = exceedance(rule, before, forHarm, harmOf);
  const safety = exceedance(rule, before, forSafety, safetyDesign);
  const [ofHarm, ofSafety] = [incrementsOf(harm.design, shelf), incrementsOf(safety.design, shelf)];
  return {
    harm: harm.design,
    safety: safety.design,
    test: {
      method: "exceedance",
      compares: rule.alone === undefined,
      harmOf: (cohort) => incrementsAt(ofHarm, blockOf(cohort, harm.threshold)),
      safetyOf: (cohort) => incrementsAt(ofSafety, blockOf(cohort, safety.threshold)),
      possible: isTimed,
      shown: (arm) => ({ k: slowOf(arm, harm.threshold) }),
      threshold: upperEdge(harm.threshold),
    },
  };
}

function exceedance(
  { quantile, by, alone }: TimeRule,
  before: LogHistogram,
  value: number,
  designOf: (request: DesignRequest) => Design,
): { readonly threshold: number; readonly design: Design } {
  const threshold = bucketOf(value * (1 + by));
  const slow = before.above(threshold) / before.total;
  const hypothesis =
    alone === undefined ? { ratio: 1, points: Math.max(0, 1 - quantile - slow) } : { ratio: 0, points: 1 - quantile };
  return { threshold, design: designOf({ form: chooseForm(slow, hypothesis), null: hypothesis, forecast: slow }) };
}

function blockOf({ candidate, reference }: Cohort, threshold: number): Block {
  return { n1: candidate.n, k1: slowOf(candidate, threshold), n0: reference.n, k0: slowOf(reference, threshold) };
}

function slowOf({ cells }: Arm, threshold: number): number {
  let slow = 0;
  for (const [cell, count] of cells ?? []) if (cell > threshold) slow += count;
  return slow;
}

function isTimed({ n, cells = [] }: Sample): boolean {
  const sound = ([cell, count]: readonly [number, number]) =>
    Number.isSafeInteger(cell) && cell >= 0 && cell <= LAST_BUCKET && Number.isSafeInteger(count) && count >= 0;
  return Number.isSafeInteger(n) && cells.every(sound) && cells.reduce((sum, [, count]) => sum + count, 0) === n;
}
