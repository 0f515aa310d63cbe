import { addTo, atIntervals, noSums, type OnlineJudge } from "./online-judge.ts";

export interface ZTestRequest {
  /** Seconds between two looks. */
  readonly every: number;
  /** Standard deviations that are significant on the harmful side: 1.645 is p < .05, 3.090 is p < .001. */
  readonly deviations: number;
}

/**
 * The two-proportion z-test with pooled variance on everything since the start, repeated at every look as if it were the
 * only one (NIST/SEMATECH e-Handbook of Statistical Methods, 7.3.3). Repetition is what breaks its error rate.
 */
export function createRepeatedZTest({ every, deviations }: ZTestRequest): OnlineJudge {
  const sums = noSums();
  const look = atIntervals(every, () => {
    const { n1, k1, n0, k0 } = sums;
    const pooled = (k1 + k0) / (n1 + n0);
    const spread = Math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0));
    return spread > 0 && k1 / n1 - k0 / n0 > deviations * spread;
  });
  return {
    take(counts, at) {
      addTo(sums, counts);
      return look(at);
    },
  };
}
