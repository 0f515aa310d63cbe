import { logSumExp, NOTHING } from "./recursion.ts";

/**
 * ln of the weighted mean of e-values, which is an e-value under any dependence (Vovk and Wang 2021). Weights need
 * not sum to 1. No e-values at all are no evidence: 0.
 * @throws RangeError for weights that are negative, all 0, or not one for each e-value.
 */
export function combine(logEs: readonly number[], weights: readonly number[]): number {
  if (logEs.length === 0) return 0;
  if (weights.length !== logEs.length) throw new RangeError(MISFIT);
  return combinationOf(weights)(logEs);
}

const MISFIT = "An e-value needs a weight of at least 0, and one weight must be above 0.";

/** The same as a function of the e-values, one for each weight, for who asks often: the logarithms of the weights are kept. */
export function combinationOf(weights: readonly number[]): (logEs: readonly number[]) => number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0) || weights.some((weight) => !(weight >= 0))) throw new RangeError(MISFIT);
  const logWeights = weights.map((weight) => (weight === 0 ? Number.NEGATIVE_INFINITY : Math.log(weight / total)));
  const weighed = new Float64Array(weights.length);
  return (logEs) => {
    for (let i = 0; i < weighed.length; i++) weighed[i] = Math.max(NOTHING, logEs[i]! + logWeights[i]!);
    return logSumExp(weighed);
  };
}

/**
 * Which of K tests failed by themselves: those with an e-value of at least K/alpha. The probability that any test
 * whose null is true is named is at most alpha.
 */
export function attribute(logEs: readonly number[], alpha: number): readonly number[] {
  const threshold = Math.log(logEs.length / alpha);
  return logEs.flatMap((log, index) => (log >= threshold ? [index] : []));
}
