/**
 * ln of the chance of k of n at rate p, by the saddle point: each part is small, so nothing cancels even for billions
 * (Loader, Fast and Accurate Computation of Binomial Probabilities, 2000).
 */
export function logBinomial(n: number, k: number, p: number): number {
  if (p <= 0) return k === 0 ? 0 : Number.NEGATIVE_INFINITY;
  if (p >= 1) return k === n ? 0 : Number.NEGATIVE_INFINITY;
  if (k === 0) return n * Math.log1p(-p);
  if (k === n) return n * Math.log(p);
  const saddle = stirlingError(n) - stirlingError(k) - stirlingError(n - k);
  return saddle - deviance(k, n * p) - deviance(n - k, n * (1 - p)) - 0.5 * Math.log((2 * Math.PI * k * (n - k)) / n);
}

/** ln(n!) minus Stirling's formula. */
function stirlingError(n: number): number {
  if (n < 16) {
    let factorial = 0;
    for (let i = 2; i <= n; i++) factorial += Math.log(i);
    return factorial - (n + 0.5) * Math.log(n) + n - 0.5 * Math.log(2 * Math.PI);
  }
  const r = 1 / (n * n);
  return (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / n;
}

/** x ln(x/mean) + mean - x, by its series where x is near the mean. */
function deviance(x: number, mean: number): number {
  const gap = x - mean;
  if (Math.abs(gap) >= 0.1 * (x + mean)) return x * Math.log(x / mean) - gap;
  const v = gap / (x + mean);
  let sum = gap * v;
  let power = 2 * x * v;
  for (let i = 3; ; i += 2) {
    power *= v * v;
    const next = sum + power / i;
    if (next === sum) return sum;
    sum = next;
  }
}

/** ln Gamma(x) for x >= 1, shifted to x >= 10 and then by Stirling's series; better than 1e-13, relatively. */
export function logGamma(x: number): number {
  let shift = 0;
  let at = x;
  for (; at < 10; at++) shift += Math.log(at);
  const r = 1 / (at * at);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / at;
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/**
 * P(at least `k` of `n`) at rate `p`, exact up to rounding. Terms are summed from the largest on, each made from the one
 * before, so far tails stay exact.
 */
export function binomialTail(n: number, p: number, k: number): number {
  if (k <= 0) return 1;
  if (k > n || p <= 0) return 0;
  if (p >= 1) return 1;
  // Below the mean the lower tail is the small one.
  if (k <= n * p) return 1 - binomialTail(n, 1 - p, n - k + 1);
  let term = Math.exp(logBinomial(n, k, p));
  let sum = 0;
  const odds = p / (1 - p);
  for (let i = k; i <= n && term > sum * Number.EPSILON; i++) {
    sum += term;
    term *= (odds * (n - i)) / (i + 1);
  }
  return Math.min(1, sum);
}
