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

/** What the factors of a design need of each alternative, in one list: only without a reference, what one observation costs. */
export function tiltNumbers({ null: { ratio, points }, alternatives }: Design): readonly number[] {
  return ratio === 0 ? alternatives.map(({ rate }) => rate - points) : [];
}

/** The alternatives' effects, and their logarithms: of rare outcomes those of most tests. */
export interface TiltEffects {
  readonly times: readonly number[];
  readonly logs: readonly number[];
}

export function tiltEffects({ alternatives }: Design): TiltEffects {
  const times = sharedList(alternatives.map(({ effect }) => effect));
  return { times, logs: sharedList(times.map((one) => Math.log(one))) };
}

/** The factors without a reference. @param costs of each alternative, from place `at` on */
export function tiltAlone(
  { n1, k1 }: Block,
  logs: readonly number[],
  costs: ArrayLike<number>,
  at: number,
  out: Float64Array,
) {
  for (let j = 0; j < logs.length; j++) out[j] = k1 * logs[j]! - n1 * costs[at + j]!;
}

/**
 * The factors beside a reference that is more than `ratio` times the candidate, with `points` 0. Then
 * `1 + rise = r (1 + u) / (1 + u r)` and `1 - u rise = (1 + u) / (1 + u r)` with `r = rate / line`, which is the alternative's
 * effect: one logarithm in place of two.
 */
export function tiltBeside({ k1, k0 }: Block, u: number, { times, logs }: TiltEffects, out: Float64Array) {
  const both = Math.log1p(u);
  for (let j = 0; j < logs.length; j++) out[j] = k1 * logs[j]! + (k1 + k0) * (both - Math.log1p(u * times[j]!));
}
