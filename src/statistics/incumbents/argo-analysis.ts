import { type ArgoMetric, type ArgoResult, argoMeasured, argoPhaseOf, assessArgoMetric, NOT_MEASURED } from "./argo.ts";
import { atIntervals, type OnlineJudge } from "./online-judge.ts";

export interface ArgoAnalysisRequest {
  /** Seconds between two measurements, each over the time since the last one. */
  readonly interval: number;
  /** More failed measurements than this abort the rollout; 0 by default there. */
  readonly failureLimit: number;
  /** A measurement succeeds while the candidate's bad share is at most this (`successCondition`). */
  readonly limit: number;
}

/**
 * A background AnalysisRun of Argo Rollouts with one metric, endless, by the semantics of `argo.ts`. A measurement
 * without an observation is an error there, as a query without a result is.
 */
export function createArgoAnalysis({ interval, failureLimit, limit }: ArgoAnalysisRequest): OnlineJudge {
  const metric: ArgoMetric = { name: "bad share", interval, failureLimit };
  let result: ArgoResult = NOT_MEASURED;
  let n = 0;
  let k = 0;
  let now = 0;
  const look = atIntervals(interval, () => {
    const phase = argoPhaseOf(n === 0 ? "broken" : k <= limit * n, undefined);
    result = argoMeasured(result, phase, now);
    n = 0;
    k = 0;
    const stands = assessArgoMetric(metric, result, false);
    return stands === "failed" || stands === "error";
  });
  return {
    take(counts, at) {
      n += counts.n1;
      k += counts.k1;
      now = at;
      return look(at);
    },
  };
}
