/** What a test has to tell apart: the truth (`p1`, `p0`) and the null `p1 <= ratio * p0 + points`. */
export interface BoundQuestion {
  /** The candidate's true rate of bad outcomes, in [0, 1]. */
  readonly p1: number;
  /** Stable's true rate of bad outcomes, in [0, 1]. */
  readonly p0: number;
  /** The candidate's share of all observations, in [0, 1]; 0 means that stable's rate is known exactly (one sample). */
  readonly share: number;
  /** Relative part of the margin; 0 makes the null a fixed limit (one sample). */
  readonly ratio: number;
  /** Absolute part of the margin, as a fraction. */
  readonly points: number;
  /** The false-alarm probability, in (0, 1). */
  readonly alpha: number;
}

/**
 * The fewest candidate observations that any test with false-alarm probability `alpha` needs on average, before it can
 * tell the truth from the null "p1 <= ratio * p0 + points" with stable's rate unknown:
 * `ln(1/alpha) / min_x [KL(p1 || ratio x + points) + ((1 - share) / share) KL(p0 || x)]`.
 *
 * With `ratio` 0 or `share` 0 it is Wald's one-sample bound `ln(1/alpha) / KL(p1 || limit)`.
 * Infinity when the truth lies inside the null, or when all traffic is on the candidate and nothing is compared.
 * Throws a RangeError for a number outside its range. Source: Wald, Sequential Analysis (1947); Garivier and Kaufmann,
 * "Optimal best arm identification with fixed confidence" (COLT 2016), for the minimum over the alternative's baseline.
 */
export function informationBound(question: BoundQuestion): number {
  const { p1, p0, share, ratio, points, alpha } = question;
  for (const [name, value] of Object.entries({ p1, p0, share })) {
    if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} must lie in [0, 1], not ${value}`);
  }
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha must lie in (0, 1), not ${alpha}`);
  if (!(ratio >= 0 && points >= 0)) throw new RangeError(`ratio and points must not be negative: ${ratio}, ${points}`);
  const limit = ratio * p0 + points;
  if (p1 <= limit) return Number.POSITIVE_INFINITY;
  const information =
    ratio === 0 || share === 0 ? divergence(p1, limit) : nearestNull(p1, p0, ratio, points, (1 - share) / share);
  return information > 0 ? Math.log(1 / alpha) / information : Number.POSITIVE_INFINITY;
}

/** Kullback-Leibler divergence of two Bernoulli rates, in nats. */
export function divergence(p: number, q: number): number {
  const part = p === 0 ? 0 : p * Math.log(p / q);
  const rest = p === 1 ? 0 : (1 - p) * (Math.log1p(-p) - Math.log1p(-q));
  return Math.max(0, part + rest);
}

/** The slope of `divergence(p, q)` in q. */
function slope(p: number, q: number): number {
  return (p === 1 ? 0 : (1 - p) / (1 - q)) - (p === 0 ? 0 : p / q);
}

/** The sum of both divergences is convex in x; its slope changes sign between p0 and the point where the null meets p1. */
function nearestNull(p1: number, p0: number, ratio: number, points: number, weight: number): number {
  let low = p0;
  let high = Math.min(1, (p1 - points) / ratio);
  for (let round = 0; round < 200 && high - low > Number.EPSILON * high; round++) {
    const x = (low + high) / 2;
    if (ratio * slope(p1, ratio * x + points) + weight * slope(p0, x) < 0) low = x;
    else high = x;
  }
  const x = (low + high) / 2;
  return divergence(p1, ratio * x + points) + (weight === 0 ? 0 : weight * divergence(p0, x));
}
