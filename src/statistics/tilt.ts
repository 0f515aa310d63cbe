import type { Block, MarginNull } from "./block.ts";

/**
 * ln of the e-value of one block for rare events: `k1 ln a + k0 ln b - n1 points (a - 1)` with
 * `b = 1 - ratio (n1/n0)(a - 1)`. Its expectation is at most 1 on the whole null for independent Bernoulli or Poisson
 * observations, whatever the rates are and however they vary inside the block, because `1 + p(a - 1)` is at most
 * `exp(p(a - 1))`; of all such factors this is the one that grows fastest under Poisson rates `rate` (candidate) and
 * `baseline` (reference). With `points` 0 it is the likelihood ratio of the candidate's share of all bad events, and
 * depends on `rate / (ratio * baseline)` only (Turner, Ly and Gruenwald 2024, in the limit of rare events).
 * Needs both arms, or a null with `ratio` 0.
 */
export function tiltFactor(hypothesis: MarginNull, baseline: number, rate: number, block: Block): number {
  const { ratio, points } = hypothesis;
  const { n1, k1, n0, k0 } = block;
  const line = ratio * baseline + points;
  if (ratio === 0) return k1 * Math.log(rate / line) - n1 * (rate - line);
  const u = (ratio * n1) / n0;
  if (points === 0) {
    const x = rate / line;
    return k1 * Math.log(x) + (k1 + k0) * Math.log((1 + u) / (1 + u * x));
  }
  // a solves points u a^2 - p a + q = 0; the smaller root is the one with b > 0.
  const p = line + u * (points + rate);
  const q = rate * (1 + u);
  const a = (2 * q) / (p + Math.sqrt(Math.max(0, p * p - 4 * points * u * q)));
  return k1 * Math.log(a) + k0 * Math.log(1 - u * (a - 1)) - n1 * points * (a - 1);
}
