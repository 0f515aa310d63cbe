/** Where a measurement, a metric or a run of Argo Rollouts stands. The last four are final. */
export type ArgoPhase = "pending" | "running" | "successful" | "inconclusive" | "error" | "failed";

/** One metric of an AnalysisTemplate; times in seconds. */
export interface ArgoMetric {
  readonly name: string;
  /** How many measurements; without one it is 1, or endless where there is an interval. */
  readonly count?: number;
  readonly interval?: number;
  readonly initialDelay?: number;
  /** More failed measurements than this fail the metric, whenever they were; default 0, negative: switched off. */
  readonly failureLimit?: number;
  readonly inconclusiveLimit?: number;
  /** More errors in a row than this end the metric; default 4. */
  readonly consecutiveErrorLimit?: number;
  /** So many successes in a row end the metric well; default: switched off. */
  readonly consecutiveSuccessLimit?: number;
  /** Measured and reported, without a say. */
  readonly dryRun?: boolean;
}

/** What was measured of a metric so far. Errors are not counted as measurements. */
export interface ArgoResult {
  readonly phase: ArgoPhase;
  readonly count: number;
  readonly successful: number;
  readonly failed: number;
  readonly inconclusive: number;
  readonly error: number;
  readonly consecutiveError: number;
  readonly consecutiveSuccess: number;
  /** The newest measurement; one without `finishedAt` is under way. */
  readonly last?: { readonly phase: ArgoPhase; readonly finishedAt?: number };
}

/** What a condition says of a value: "broken" where it could not be evaluated; absent where there is no condition. */
export type ArgoCondition = boolean | "broken" | undefined;

export interface ArgoRun {
  readonly metrics: readonly { readonly metric: ArgoMetric; readonly result?: ArgoResult }[];
  /** Somebody asked the run to end. */
  readonly terminate?: boolean;
}

const FROM_BEST_TO_WORST: readonly ArgoPhase[] = [
  "successful",
  "running",
  "pending",
  "inconclusive",
  "error",
  "failed",
];
const DEFAULT_ERROR_LIMIT = 4;
const ERROR_RETRY_SECONDS = 10;

export const NOT_MEASURED: ArgoResult = {
  phase: "running",
  count: 0,
  successful: 0,
  failed: 0,
  inconclusive: 0,
  error: 0,
  consecutiveError: 0,
  consecutiveSuccess: 0,
};

/**
 * What Argo Rollouts makes of one value, from what its `successCondition` and `failureCondition` say. This file has the
 * semantics of AnalysisRun (argoproj/argo-rollouts 9f8d111d, Apache-2.0; no code is copied). For comparison and migration
 * only: no verdict of Rollbook comes from here.
 */
export function argoPhaseOf(success: ArgoCondition, failure: ArgoCondition): ArgoPhase {
  if (success === "broken" || failure === "broken") return "error";
  if (failure ?? success === false) return "failed";
  return (success ?? true) ? "successful" : "inconclusive";
}

/** The result with one more finished measurement. */
export function argoMeasured(result: ArgoResult, phase: ArgoPhase, finishedAt: number): ArgoResult {
  const plus = (kind: ArgoPhase): number => (phase === kind ? 1 : 0);
  return {
    ...result,
    count: result.count + 1 - plus("error"),
    successful: result.successful + plus("successful"),
    failed: result.failed + plus("failed"),
    inconclusive: result.inconclusive + plus("inconclusive"),
    error: result.error + plus("error"),
    consecutiveError: phase === "error" ? result.consecutiveError + 1 : 0,
    consecutiveSuccess: phase === "successful" ? result.consecutiveSuccess + 1 : 0,
    last: { phase, finishedAt },
  };
}

/** Where a metric stands. `terminating` ends what has not failed yet as successful, even without any measurement. */
export function assessArgoMetric(metric: ArgoMetric, result: ArgoResult, terminating: boolean): ArgoPhase {
  if (isFinal(result.phase)) return result.phase;
  if (result.last === undefined) return terminating ? "successful" : "pending";
  if (!isFinal(result.last.phase)) return "running";
  const broken = brokenLimit(metric, result);
  if (broken !== undefined) return broken;
  const successesWanted = metric.consecutiveSuccessLimit ?? 0;
  if (successesWanted > 0 && result.consecutiveSuccess >= successesWanted) return "successful";
  if (result.count >= countOf(metric)) {
    if (successesWanted <= 0) return "successful";
    return (metric.failureLimit ?? 0) >= 0 ? "inconclusive" : "failed";
  }
  return terminating ? "successful" : "running";
}

/** The last of the limits that is broken: failures, then inconclusive measurements, then errors in a row. */
function brokenLimit(metric: ArgoMetric, result: ArgoResult): ArgoPhase | undefined {
  if (result.consecutiveError > (metric.consecutiveErrorLimit ?? DEFAULT_ERROR_LIMIT)) return "error";
  if (result.inconclusive > (metric.inconclusiveLimit ?? 0)) return "inconclusive";
  const failureLimit = metric.failureLimit ?? 0;
  return failureLimit >= 0 && result.failed > failureLimit ? "failed" : undefined;
}

/** Where a run stands, and each of its metrics: the worst of those that are not dry runs, once all have ended. */
export function assessArgoRun(run: ArgoRun): { readonly phase: ArgoPhase; readonly metrics: readonly ArgoPhase[] } {
  const terminating = isTerminating(run);
  const metrics = run.metrics.map(({ metric, result }) =>
    result === undefined ? "pending" : assessArgoMetric(metric, result, terminating),
  );
  const ended = run.metrics.flatMap(({ metric, result }, at) => {
    const phase = metrics[at] ?? "pending";
    if (result === undefined || !isFinal(phase)) return [];
    return [metric.dryRun ? "successful" : phase] satisfies ArgoPhase[];
  });
  const worst = ended.toSorted((a, b) => FROM_BEST_TO_WORST.indexOf(b) - FROM_BEST_TO_WORST.indexOf(a))[0];
  if (terminating) return { phase: worst ?? "successful", metrics };
  const over = worst !== undefined && metrics.every(isFinal);
  return { phase: over ? worst : "running", metrics };
}

/**
 * When a metric is measured next, in the seconds of `startedAt`: undefined while one is under way, once it has ended, or
 * once its count is reached. An error is tried again after ten seconds, whatever the interval is.
 */
export function nextArgoMeasurement(metric: ArgoMetric, result: ArgoResult, startedAt: number): number | undefined {
  if (isFinal(result.phase)) return undefined;
  if (result.last === undefined) return startedAt + (metric.initialDelay ?? 0);
  const { phase, finishedAt } = result.last;
  if (finishedAt === undefined || result.count >= countOf(metric)) return undefined;
  return finishedAt + (phase === "error" ? ERROR_RETRY_SECONDS : (metric.interval ?? ERROR_RETRY_SECONDS));
}

/** A run ends early where somebody wants it, or as soon as one of its metrics has ended badly. */
export function isTerminating({ metrics, terminate }: ArgoRun): boolean {
  const bad = metrics.some(({ metric, result }) => {
    return !metric.dryRun && result !== undefined && result.phase !== "successful" && isFinal(result.phase);
  });
  return terminate === true || bad;
}

function countOf(metric: ArgoMetric): number {
  return metric.count || (metric.interval === undefined ? 1 : Number.POSITIVE_INFINITY);
}

function isFinal(phase: ArgoPhase): boolean {
  return phase !== "pending" && phase !== "running";
}
