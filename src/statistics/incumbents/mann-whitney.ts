import { normalQuantile } from "./normal-quantile.ts";

/** By how much the values of one sample are larger than those of the other. */
export interface LocationShift {
  readonly low: number;
  readonly high: number;
  /** The estimate of Hodges and Lehmann: the median of all differences. */
  readonly estimate: number;
}

/** The root search of R and Kayenta stops here, so both are exact to about this much only. */
const ROOT_TOLERANCE = 1e-4;

/**
 * The two-sided interval and the estimate of the rank test of Mann and Whitney, by the normal approximation with
 * continuity correction, as R's `wilcox.test(x, y, exact = FALSE, conf.int = TRUE)` and Kayenta compute it. For comparison
 * with the judges that use it only: no verdict of Rollbook comes from here.
 *
 * @param confidence of the interval, in (0, 1)
 * @throws RangeError where the interval is undefined, because all values are tied
 */
export function mannWhitney(x: readonly number[], y: readonly number[], confidence: number): LocationShift {
  const least = Math.min(...x) - Math.max(...y);
  const most = Math.max(...x) - Math.min(...y);
  const z = -normalQuantile((1 - confidence) / 2);
  const search = (quantile: number): number =>
    findRoot({ from: least, to: most, of: (shift) => rankStatistic(x, y, shift) - quantile });
  const limit = (quantile: number): number => {
    if (rankStatistic(x, y, least) <= quantile) return least;
    return rankStatistic(x, y, most) >= quantile ? most : search(quantile);
  };
  return { low: limit(z), high: limit(-z), estimate: search(0) };
}

/** How many standard deviations the rank sum of `x - shift` lies above its mean, if both samples were alike then. */
export function rankStatistic(x: readonly number[], y: readonly number[], shift: number): number {
  const { sum, ties } = rankSum(
    x.map((value) => value - shift),
    y,
  );
  const n = x.length + y.length;
  const product = x.length * y.length;
  const distance = sum - (x.length * (x.length + 1)) / 2 - product / 2;
  const variance = (product / 12) * (n + 1 - ties / (n * (n - 1)));
  if (variance === 0) throw new RangeError("There is no interval where all observations are tied.");
  return (distance - Math.sign(distance) / 2) / Math.sqrt(variance);
}

/** The sum of the ranks of x among both, equal values sharing their mean rank, and the sum of t^3 - t over the ties. */
export function rankSum(x: readonly number[], y: readonly number[]): { readonly sum: number; readonly ties: number } {
  const values = [...x.map((value) => ({ value, own: 1 })), ...y.map((value) => ({ value, own: 0 }))];
  values.sort((a, b) => a.value - b.value);
  let sum = 0;
  let ties = 0;
  for (let first = 0; first < values.length; ) {
    let after = first;
    let own = 0;
    for (; values[after]?.value === values[first]?.value && after < values.length; after++)
      own += values[after]?.own ?? 0;
    sum += (own * (first + 1 + after)) / 2;
    ties += (after - first) ** 3 - (after - first);
    first = after;
  }
  return { sum, ties };
}

interface RootSearch {
  readonly from: number;
  readonly to: number;
  readonly of: (at: number) => number;
}

interface Point {
  readonly at: number;
  readonly value: number;
}

/**
 * Brent's root search (Algorithms for Minimization Without Derivatives, 1973, chapter 4). The rank statistic is a
 * staircase, so which step is found depends on the path: this is the usual one, with the usual stopping rule.
 */
function findRoot({ from, to, of }: RootSearch): number {
  let before: Point = { at: from, value: of(from) };
  let best: Point = { at: to, value: of(to) };
  let opposite = before;
  if (before.value === 0) return from;
  // Each round at least halves the bracket every few steps: it ends long before the limit.
  for (let i = 0; i < 1000 && best.value !== 0; i++) {
    const lastStep = best.at - before.at;
    if (Math.abs(opposite.value) < Math.abs(best.value)) {
      before = best;
      best = opposite;
      opposite = before;
    }
    const tolerance = 2 * Number.EPSILON * Math.abs(best.at) + ROOT_TOLERANCE / 2;
    const half = (opposite.at - best.at) / 2;
    if (Math.abs(half) <= tolerance) break;
    let step = half;
    if (Math.abs(lastStep) >= tolerance && Math.abs(before.value) > Math.abs(best.value)) {
      step = interpolated({ before, best, opposite, lastStep, tolerance }) ?? half;
    }
    if (Math.abs(step) < tolerance) step = step > 0 ? tolerance : -tolerance;
    before = best;
    best = { at: best.at + step, value: of(best.at + step) };
    if (best.value * opposite.value > 0) opposite = before;
  }
  return best.at;
}

/** The step to the root of the line through two points, or of the inverse parabola through three, if it can be trusted. */
function interpolated(search: {
  readonly before: Point;
  readonly best: Point;
  readonly opposite: Point;
  readonly lastStep: number;
  readonly tolerance: number;
}): number | undefined {
  const { before, best, opposite, lastStep, tolerance } = search;
  const width = opposite.at - best.at;
  const s = best.value / before.value;
  let p = width * s;
  let q = 1 - s;
  if (before.at !== opposite.at) {
    const r = before.value / opposite.value;
    const t = best.value / opposite.value;
    p = s * (width * r * (r - t) - (best.at - before.at) * (t - 1));
    q = (r - 1) * (t - 1) * (s - 1);
  }
  if (p > 0) q = -q;
  p = Math.abs(p);
  const near = p < 0.75 * width * q - Math.abs(tolerance * q) / 2 && p < Math.abs((lastStep * q) / 2);
  return near ? p / q : undefined;
}
