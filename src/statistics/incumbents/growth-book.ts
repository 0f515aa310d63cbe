import { meanDifferenceBound, type ValueSums } from "../mean-sequence.ts";
import { addTo, atIntervals, noSums, type OnlineJudge } from "./online-judge.ts";

export interface GrowthBookRequest {
  readonly alpha: number;
  /** Seconds between two looks. Their default is six hours; looking oftener only helps. */
  readonly every: number;
}

/**
 * GrowthBook's guardrail of a safe rollout: harmful when the one-sided asymptotic confidence sequence of the difference
 * excludes 0, tuned to 5,000 units (growthbook/growthbook, MIT: `packages/stats/gbstats/frequentist/tests.py`).
 */
export function createGrowthBookSequence({ alpha, every }: GrowthBookRequest): OnlineJudge {
  const sums = noSums();
  const look = atIntervals(every, () => {
    const { n1, k1, n0, k0 } = sums;
    return n1 >= 2 && n0 >= 2 && isHarmful(ofShare(n1, k1), ofShare(n0, k0), alpha);
  });
  return {
    take(counts, at) {
      addTo(sums, counts);
      return look(at);
    },
  };
}

/** The same question about values of any kind, greater ones being worse. */
export function isHarmful(candidate: ValueSums, reference: ValueSums, alpha: number): boolean {
  return meanDifferenceBound(candidate, reference, alpha).lower > 0;
}

function ofShare(n: number, k: number): ValueSums {
  return { n, sum: k, squares: k };
}
