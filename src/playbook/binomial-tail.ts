/**
 * P(at least `k` of `n`) for independent outcomes of probability `p`, exact up to rounding.
 * Terms are summed from the largest on, each made from the one before, so nothing overflows and far tails stay exact.
 */
export function binomialTail(n: number, p: number, k: number): number {
  if (k <= 0) return 1;
  if (k > n || p <= 0) return 0;
  if (p >= 1) return 1;
  // Below the mean the lower tail is the small one.
  if (k <= n * p) return 1 - binomialTail(n, 1 - p, n - k + 1);
  let term = Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p));
  let sum = 0;
  const odds = p / (1 - p);
  for (let i = k; i <= n && term > sum * Number.EPSILON; i++) {
    sum += term;
    term *= (odds * (n - i)) / (i + 1);
  }
  return Math.min(1, sum);
}

function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= Math.min(k, n - k); i++) sum += Math.log((n - i + 1) / i);
  return sum;
}
