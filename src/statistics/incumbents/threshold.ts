import { atIntervals, type OnlineJudge } from "./online-judge.ts";

export interface ThresholdRequest {
  /** Goes back when the candidate's bad share of a window is above this. */
  readonly limit: number;
  /** Length of the window in seconds. */
  readonly window: number;
}

/**
 * "More than 0.8 % bad over 30 s", looked at once in each window: the rule as an alert on a rate has it. A window
 * without an observation says nothing.
 */
export function createTumblingThreshold({ limit, window }: ThresholdRequest): OnlineJudge {
  let n = 0;
  let k = 0;
  const look = atIntervals(window, () => {
    const above = k > limit * n;
    n = 0;
    k = 0;
    return above;
  });
  return {
    take(counts, at) {
      n += counts.n1;
      k += counts.k1;
      return look(at);
    },
  };
}

/** The same over a window that slides, looked at on every tick once the first window is full. */
export function createSlidingThreshold({ limit, window }: ThresholdRequest): OnlineJudge {
  if (!(window > 0)) throw new RangeError(`A window is longer than 0 seconds, not ${window}.`);
  const seen: { readonly at: number; readonly n: number; readonly k: number }[] = [];
  let first = 0;
  let n = 0;
  let k = 0;
  return {
    take({ n1, k1 }, at) {
      seen.push({ at, n: n1, k: k1 });
      n += n1;
      k += k1;
      for (; seen[first]!.at <= at - window + 1e-6; first++) {
        n -= seen[first]!.n;
        k -= seen[first]!.k;
      }
      if (first > 4096) {
        seen.splice(0, first);
        first = 0;
      }
      return at >= window - 1e-6 && k > limit * n;
    },
  };
}
