import { logGamma } from "./binomial.ts";

/** Bounds of a share, with the best single guess. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

/**
 * A confidence interval for one share that stays valid however often it is looked at: all rates that the
 * beta-binomial mixture with a uniform prior does not refute at `1 - confidence` (Robbins 1970). The true rate is
 * inside at all times together with probability `confidence`. Without observations it is [0, 1] and the share is NaN.
 * @throws RangeError for counts that are not counts, or a confidence outside (0, 1).
 */
export function interval(n: number, k: number, confidence: number): Interval {
  if (!(Number.isSafeInteger(n) && Number.isSafeInteger(k) && k >= 0 && k <= n)) {
    throw new RangeError(`Not a share: ${k} of ${n}.`);
  }
  if (!(confidence > 0 && confidence < 1)) throw new RangeError(`Not a confidence: ${confidence}.`);
  const share = k / n;
  if (n === 0) return { low: 0, high: 1, share };
  const limit = logBeta(k + 1, n - k + 1) + Math.log(1 - confidence);
  const kept = (rate: number) => term(k, rate) + term(n - k, 1 - rate) >= limit;
  return { low: edge(kept, share, 0), high: edge(kept, share, 1), share };
}

function term(count: number, rate: number): number {
  return count === 0 ? 0 : count * Math.log(rate);
}

/** Where between a kept rate and `end` the rates stop being kept. */
function edge(kept: (rate: number) => boolean, inside: number, end: number): number {
  if (kept(end)) return end;
  let [good, bad] = [inside, end];
  for (let round = 0; round < 60; round++) {
    const middle = (good + bad) / 2;
    if (kept(middle)) good = middle;
    else bad = middle;
  }
  return bad;
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}
