import {
  advance,
  logEvidence,
  logSumExp,
  logWeightsOf,
  NOTHING,
  type RecursionState,
  type Weighed,
} from "./recursion.ts";

/**
 * One tick of an endless watch: a start before every tick, for ever (Shiryaev-Roberts). Alarm when `driftAlarm` says so,
 * then begin anew with `startRecursion`. While the null holds, the mean number of ticks until an alarm is at least
 * `between`, whatever depends on what: the sum over starts grows by at most 1 a tick in expectation (e-detectors: Shin,
 * Ramdas and Rinaldo, New England J. Stat. Data Sci. 2024). A tick is a step of the clock, with or without data.
 * What becomes known late is added by `advance` with weight 0: it starts nothing. Memory: one number for each alternative.
 */
export function advanceDrift(state: RecursionState, design: Weighed, increment: ArrayLike<number>): RecursionState {
  return advance(state, design, increment, 1);
}

/** @param between the mean number of ticks between two false alarms, at least 1 */
export function driftAlarm(state: RecursionState, between: number): boolean {
  if (!(between >= 1)) throw new RangeError(`Not a number of ticks between false alarms: ${between}.`);
  return logEvidence(state) >= Math.log(between);
}

/**
 * The same with the best single start in place of the sum (Page's CUSUM). It never exceeds the sum, so `driftAlarm` keeps
 * its promise, later: use it to tell *since when*, as its value is that of one start.
 */
export function advanceCusum(state: RecursionState, design: Weighed, increment: ArrayLike<number>): RecursionState {
  const logR = state.logR.map((log, index) => {
    const start = Math.log(design.alternatives[index]!.weight);
    return Math.max(NOTHING, Math.max(log, start) + increment[index]!);
  });
  return { logR };
}

/** Evidence from the starts of a sliding window only: "within the last ten minutes". */
export interface RecentEvidence {
  /** Adds the increments of a block of requests from this interval; what is older than the window is ignored. */
  add(interval: number, increments: ArrayLike<number>): void;
  /** ln of the evidence when it is `interval` now. */
  log(interval: number): number;
}

export interface RecentRequest {
  /** How many intervals the window holds. */
  readonly window: number;
  /**
   * What the start of an interval weighs: so that all weigh at most 1, like 1/N of N intervals, then compare with ln(1/alpha);
   * or 1 for ever, then compare with ln(A).
   */
  readonly weightOf: (interval: number) => number;
}

/**
 * The Shiryaev sum over the starts within the window. It never exceeds the sum over all starts, so both promises hold: where
 * all starts weigh at most 1, at most alpha for ever, at weight 1 a mean time of at least A intervals between false alarms.
 * Blocks may come in any order within the window. Memory: one number for each interval of the window and alternative.
 */
export function createRecentEvidence(design: Weighed, { window, weightOf }: RecentRequest): RecentEvidence {
  if (!(Number.isSafeInteger(window) && window >= 1)) throw new RangeError(`Not a number of intervals: ${window}.`);
  if (!(weightOf(0) > 0)) throw new RangeError(`Not the weight of a start: ${weightOf(0)}.`);
  const size = design.alternatives.length;
  const logWeights = logWeightsOf(design);
  const totals = new Float64Array(window * size);
  const at = new Float64Array(size);
  let newest = 0;

  function moveTo(interval: number): void {
    const from = Math.max(newest + 1, interval - window + 1);
    for (let next = from; next <= interval; next++)
      totals.fill(0, (next % window) * size, ((next % window) + 1) * size);
    newest = Math.max(newest, interval);
  }

  return {
    add(interval, increments) {
      moveTo(interval);
      if (interval <= newest - window || interval < 0) return;
      for (let j = 0; j < size; j++) totals[(interval % window) * size + j]! += increments[j]!;
    },
    log(interval) {
      moveTo(interval);
      at.fill(NOTHING);
      for (let start = Math.max(0, newest - window + 1); start <= newest; start++) {
        const weight = Math.log(weightOf(start));
        for (let j = 0; j < size; j++) {
          const fresh = logWeights[j]! + weight;
          const high = Math.max(at[j]!, fresh);
          const sum = high + Math.log1p(Math.exp(Math.min(at[j]!, fresh) - high));
          at[j] = Math.max(NOTHING, sum + totals[(start % window) * size + j]!);
        }
      }
      return logSumExp(at);
    },
  };
}
