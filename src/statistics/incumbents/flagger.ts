import { atIntervals, type OnlineJudge } from "./online-judge.ts";

export interface FlaggerRequest {
  /** Seconds; 60 by default there. */
  readonly interval: number;
  /** So many failed checks roll back; 1 by default there, 5 in its tutorials. */
  readonly threshold: number;
  /** A check fails when the candidate's bad share of the interval is above this (`thresholdRange`). */
  readonly limit: number;
}

/**
 * Flagger's canary analysis of one metric: every interval first goes back when the failed checks have reached the
 * threshold, and else checks the metric over the last interval; a check without values fails. Failed checks are counted
 * over the whole analysis and never taken back, and the rollback comes one interval after the last of them
 * (fluxcd/flagger at 15bd6ad5, Apache-2.0: `pkg/controller/scheduler.go` `advanceCanary`, `scheduler_metrics.go`
 * `runBuiltinMetricChecks`, `pkg/apis/flagger/v1beta1/canary.go` for the defaults).
 */
export function createFlaggerAnalysis({ interval, threshold, limit }: FlaggerRequest): OnlineJudge {
  let n = 0;
  let k = 0;
  let failed = 0;
  const look = atIntervals(interval, () => {
    if (failed >= threshold) return true;
    if (n === 0 || k > limit * n) failed++;
    n = 0;
    k = 0;
    return false;
  });
  return {
    take(counts, at) {
      n += counts.n1;
      k += counts.k1;
      return look(at);
    },
  };
}
