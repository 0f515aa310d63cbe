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
  let low = 0;
  let high = k / n;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (upperTail(n, k, middle) > error) high = middle;
    else low = middle;
  }
  return low;
}

/** The exact upper bound of the same kind. */
export function exactUpperBound(n: number, k: number, error: number): number {
  return n <= 0 ? 1 : 1 - exactLowerBound(n, n - k, error);
}

/** P(X >= k) for X ~ Binomial(n, p), by summing the lower tail in log space. */
function upperTail(n: number, k: number, p: number): number {
  const logOdds = Math.log(p) - Math.log1p(-p);
  let logTerm = n * Math.log1p(-p);
  let lower = Math.exp(logTerm);
  for (let i = 1; i < k; i++) {
    logTerm += Math.log((n - i + 1) / i) + logOdds;
    lower += Math.exp(logTerm);
  }
  return Math.max(0, 1 - lower);
}
