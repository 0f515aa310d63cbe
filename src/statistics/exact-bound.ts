import { logBinomial } from "./binomial.ts";

/**
 * Exact lower confidence bound for a share (Clopper & Pearson, Biometrika 1934): the largest p for which seeing `k` or
 * more of `n` has probability at most `error`. Over all experiments the true share lies below it with probability at
 * most `error`.
 *
 * @param k bad observations, 0 <= k <= n
 * @param error one-sided error probability in (0, 1)
 */
export function exactLowerBound(n: number, k: number, error: number): number {
  if (k <= 0 || n <= 0) return 0;
  const tail = upperTail(n, k);
  let low = 0;
  let high = k / n;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (tail(middle) > error) high = middle;
    else low = middle;
  }
  return low;
}

/** The exact upper bound of the same kind. */
export function exactUpperBound(n: number, k: number, error: number): number {
  return n <= 0 ? 1 : 1 - exactLowerBound(n, n - k, error);
}

/** P(X >= k) for X ~ Binomial(n, p) and p <= k / n, where the terms only shrink: as many of them as change the sum. */
function upperTail(n: number, k: number): (p: number) => number {
  return (p) => {
    const odds = p / (1 - p);
    let term = Math.exp(logBinomial(n, k, p));
    let sum = 0;
    for (let i = k; i <= n && term > sum * Number.EPSILON; i++) {
      sum += term;
      term *= ((n - i) / (i + 1)) * odds;
    }
    return sum;
  };
}
