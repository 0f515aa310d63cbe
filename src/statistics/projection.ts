import type { Block, MarginNull } from "./block.ts";
import type { Design } from "./design.ts";

const TINY = 1e-12;

/**
 * ln of the e-value of one block of any binary outcome: the likelihood ratio of the alternative (`rate`, `baseline`)
 * to its projection onto the margin line, Kullback-Leibler with the weights n1 and n0 of the block. The null is
 * convex, so its expectation is at most 1 on the whole null, however the rates vary inside the block
 * (the "simple e-variable" of Turner, Ly and Gruenwald, J. Stat. Plan. Inference 2024).
 * Needs both arms, or a null with `ratio` 0.
 */
export function projectedFactor(hypothesis: MarginNull, baseline: number, rate: number, block: Block): number {
  const { ratio, points } = hypothesis;
  const { n1, k1, n0, k0 } = block;
  if (ratio === 0) return likelihoodRatio(n1, k1, rate, points);
  const reference = projectOntoMargin(hypothesis, baseline, rate, n1, n0);
  return likelihoodRatio(n1, k1, rate, ratio * reference + points) + likelihoodRatio(n0, k0, baseline, reference);
}

/** ln of the likelihood of `k` of `n` at rate `above`, divided by that at rate `below`. */
function likelihoodRatio(n: number, k: number, above: number, below: number): number {
  return k * Math.log1p((above - below) / below) + (n - k) * Math.log1p((below - above) / (1 - below));
}

/**
 * What the factors of a design need of each alternative, in one list: its rate; without a reference, what a bad outcome adds
 * to each, and then what a good one does.
 */
export function projectedNumbers({ null: { ratio, points }, alternatives }: Design): readonly number[] {
  const rates = alternatives.map(({ rate }) => rate);
  if (ratio > 0) return rates;
  const bad = rates.map((rate) => Math.log1p((rate - points) / points));
  return [...bad, ...rates.map((rate) => Math.log1p((points - rate) / (1 - points)))];
}

/** The factors without a reference, of the numbers from place `at` on. */
export function projectedAlone(
  { n1, k1 }: Block,
  numbers: ArrayLike<number>,
  at: number,
  size: number,
  out: Float64Array,
) {
  for (let j = 0; j < size; j++) out[j] = k1 * numbers[at + j]! + (n1 - k1) * numbers[at + size + j]!;
}

/** Places in what a projection is told: the null, the baseline, and then the alternatives' rates. */
const [RATIO, POINTS, BASELINE, RATES] = [0, 1, 2, 3] as const;

/** The factors beside a reference, as the numbers from place `at` on tell: ratio, points, baseline, and a rate for each. */
export function projectedBeside(
  block: Block,
  numbers: ArrayLike<number>,
  at: number,
  size: number,
  out: Float64Array,
): void {
  const { n1, k1, n0, k0 } = block;
  const [ratio, points, baseline] = [numbers[at + RATIO]!, numbers[at + POINTS]!, numbers[at + BASELINE]!];
  projectAll(block, numbers, at, size, out);
  for (let j = 0; j < size; j++) {
    const reference = out[j]!;
    const line = ratio * reference + points;
    out[j] = likelihoodRatio(n1, k1, numbers[at + RATES + j]!, line) + likelihoodRatio(n0, k0, baseline, reference);
  }
}

/** So many steps of Newton's are enough where the candidates are few beside the reference. */
const STEPS = 4;
/** Convergence is quadratic: after a step this small, relative to the rate, the point is exact to rounding. */
const CLOSE = 1e-9;

/**
 * `projectOntoMargin` for many alternatives, which take their steps side by side, so that none waits for another's
 * division. The divergence is convex while both rates lie in (0, 1), so its slope has one zero there: what Newton's steps
 * end at is the point if it lies there, and else the point is looked for by itself.
 */
function projectAll(
  { n1, n0 }: Block,
  numbers: ArrayLike<number>,
  place: number,
  size: number,
  out: Float64Array,
): void {
  const [ratio, points, baseline] = [numbers[place + RATIO]!, numbers[place + POINTS]!, numbers[place + BASELINE]!];
  const at = place + RATES;
  if (ratio === 1 && points === 0) {
    for (let j = 0; j < size; j++) out[j] = (n1 * numbers[at + j]! + n0 * baseline) / (n1 + n0);
    return;
  }
  const u = (ratio * n1) / n0;
  for (let j = 0; j < size; j++) out[j] = baseline;
  for (let round = 1; round < STEPS; round++)
    for (let j = 0; j < size; j++) out[j]! += stepFrom(out[j]!, numbers[at + j]!, baseline, u, ratio, points);
  for (let j = 0; j < size; j++) {
    const rate = numbers[at + j]!;
    const step = stepFrom(out[j]!, rate, baseline, u, ratio, points);
    const point = out[j]! + step;
    const isPoint = Math.abs(step) <= CLOSE * out[j]! && point < 1 && ratio * point + points < 1;
    out[j] = isPoint ? point : projectOntoMargin({ ratio, points }, baseline, rate, n1, n0);
  }
}

/** Newton's step towards the zero of the divergence's slope, which is taken times both variances: nothing else is divided. */
function stepFrom(at: number, rate: number, baseline: number, u: number, ratio: number, points: number): number {
  const line = ratio * at + points;
  const v1 = line * (1 - line);
  const v0 = at * (1 - at);
  const slope = u * (rate - line) * v0 + (baseline - at) * v1;
  const bend = u * (ratio * v0 - (rate - line) * (1 - 2 * at)) + v1 - ratio * (baseline - at) * (1 - 2 * line);
  return slope / bend;
}

/** The reference rate of the point of the margin line that is nearest to (`rate`, `baseline`). */
export function projectOntoMargin(
  hypothesis: MarginNull,
  baseline: number,
  rate: number,
  n1: number,
  n0: number,
): number {
  const { ratio, points } = hypothesis;
  if (ratio === 1 && points === 0) return (n1 * rate + n0 * baseline) / (n1 + n0);
  // The nearest point lies between the one straight across and the one straight below; its divergence is convex.
  const across = Math.min((rate - points) / ratio, 1 - TINY, (1 - TINY - points) / ratio);
  let low = Math.max(TINY, Math.min(baseline, across));
  let high = Math.max(baseline, across);
  let at = baseline;
  for (let round = 0; round < 100; round++) {
    const line = ratio * at + points;
    const v1 = line * (1 - line);
    const v0 = at * (1 - at);
    const s1 = (rate - line) / v1;
    const s0 = (baseline - at) / v0;
    const slope = ratio * n1 * s1 + n0 * s0;
    if (slope > 0) low = at;
    else high = at;
    const bend = (ratio * ratio * n1 * (1 + (1 - 2 * line) * s1)) / v1 + (n0 * (1 + (1 - 2 * at) * s0)) / v0;
    const newton = at + slope / bend;
    // Convergence is quadratic: after a step this small the point is exact to rounding.
    const close = Math.abs(newton - at) <= 1e-9 * at;
    const inside = newton > low && newton < high;
    at = inside || close ? Math.min(Math.max(newton, low), high) : (low + high) / 2;
    if (close) break;
  }
  return at;
}
