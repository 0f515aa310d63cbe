import type { Block, MarginNull } from "./block.ts";
import type { Design } from "./design.ts";
import { sharedList } from "./shared-list.ts";

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
  // ln a and ln b through a - 1: where the candidates are very many, both are near 0.
  if (points === 0) {
    const rise = (rate / line - 1) / (1 + (u * rate) / line);
    return k1 * Math.log1p(rise) + k0 * Math.log1p(-u * rise);
  }
  // rise = a - 1 solves points u rise^2 - p rise + rate - line = 0; the smaller root is the one with b > 0.
  const p = line + u * (rate - points);
  const rise = (2 * (rate - line)) / (p + Math.sqrt(Math.max(0, p * p - 4 * points * u * (rate - line))));
  return k1 * Math.log1p(rise) + k0 * Math.log1p(-u * rise) - n1 * points * rise;
}

/**
 * The factors of all alternatives of a design at once. With `points` 0, `1 + rise = r (1 + u) / (1 + u r)` and
 * `1 - u rise = (1 + u) / (1 + u r)` with `r = rate / line`, which is the alternative's effect: one logarithm in place of two.
 */
export function tiltFactors(design: Design) {
  const { null: hypothesis, baseline, alternatives } = design;
  const times = sharedList(alternatives.map(({ effect }) => effect));
  const logs = sharedList(times.map((one) => Math.log(one)));
  if (hypothesis.ratio === 0) {
    const line = hypothesis.points;
    const margins = alternatives.map(({ rate }) => rate - line);
    return ({ n1, k1 }: Block, out: Float64Array): void => {
      for (let j = 0; j < logs.length; j++) out[j] = k1 * logs[j]! - n1 * margins[j]!;
    };
  }
  return (block: Block, out: Float64Array): void => {
    const { n1, k1, n0, k0 } = block;
    const { ratio, points } = hypothesis;
    const u = (ratio * n1) / n0;
    if (points === 0 && u < 1) {
      const both = Math.log1p(u);
      for (let j = 0; j < logs.length; j++) out[j] = k1 * logs[j]! + (k1 + k0) * (both - Math.log1p(u * times[j]!));
    } else {
      for (let j = 0; j < logs.length; j++) out[j] = tiltFactor(hypothesis, baseline, alternatives[j]!.rate, block);
    }
  };
}
