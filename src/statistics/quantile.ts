import { ACCURACY, upperEdge } from "../core/cells.ts";
import { exactUpperBound } from "./exact-bound.ts";
import type { LogHistogram } from "./log-histogram.ts";

/** A quantile with bounds that hold it; each bound fails with the probability that was asked for. */
export interface QuantileBounds {
  readonly low: number;
  /** The middle of the quantile's bucket: within 1 % of a true value. */
  readonly estimate: number;
  /** Infinity where there are too few values for an upper bound. */
  readonly high: number;
}

/**
 * Exact for any distribution: the ranks are those of the binomial law (order statistics; Clopper and Pearson 1934), the
 * values the edges of the buckets that hold these ranks.
 * @param quantile in (0, 1), 0.95 for the 95th percentile
 * @param error probability that a bound does not hold, each, in (0, 0.5)
 * @throws RangeError for a quantile or an error outside, or an empty histogram
 */
export function quantileBounds(histogram: LogHistogram, quantile: number, error: number): QuantileBounds {
  if (!(quantile > 0 && quantile < 1)) throw new RangeError(`Not a quantile: ${quantile}.`);
  if (!(error > 0 && error < 0.5)) throw new RangeError(`Not an error probability: ${error}.`);
  const n = histogram.total;
  if (n === 0) throw new RangeError("Nothing has no quantile.");
  // P(X(r) > q) = P(Bin(n, quantile) <= r - 1), which is at most `error` where the upper bound of r - 1 is at most it.
  const lowest = lastTrue(n, (rank) => exactUpperBound(n, rank - 1, error) <= quantile);
  // The mirror image: P(X(r) < q) = P(Bin(n, 1 - quantile) <= n - r).
  const highest = lastTrue(n, (rank) => exactUpperBound(n, rank - 1, error) <= 1 - quantile);
  const middle = bucketAt(histogram, Math.max(1, Math.ceil(quantile * n)));
  return {
    low: lowest === 0 ? 0 : lowerEdge(bucketAt(histogram, lowest)),
    estimate: middle === 0 ? 0 : lowerEdge(middle) * (1 + ACCURACY),
    high: highest === 0 ? Number.POSITIVE_INFINITY : upperEdge(bucketAt(histogram, n + 1 - highest)),
  };
}

function lowerEdge(bucket: number): number {
  return bucket === 0 ? 0 : upperEdge(bucket - 1);
}

/** The bucket that holds the value of this rank, counted from 1. */
function bucketAt(histogram: LogHistogram, rank: number): number {
  let seen = 0;
  let at = 0;
  for (const [bucket, count] of histogram.entries()) {
    at = bucket;
    seen += count;
    if (seen >= rank) break;
  }
  return at;
}

/** The last of 1 to n for which it holds, 0 for none; it holds for all before the last. */
function lastTrue(n: number, holds: (rank: number) => boolean): number {
  let [yes, no] = [0, n + 1];
  while (no - yes > 1) {
    const middle = Math.floor((yes + no) / 2);
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}
