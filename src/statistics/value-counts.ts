import { placeOf, SCORE_PARTS } from "../core/cells.ts";

/**
 * Observations of a bounded score in [0, 1], 0 the best and 1 the worst, as weights at equally spaced values: an
 * observation between two of them is shared out so that both its count and its mean are kept. Arrays of one length add up,
 * in any order and exactly, so any node may count and any other may merge.
 */
export type ValueCounts = Float64Array | readonly number[];

/** An empty count over `cells + 1` values. 16 cells cost about 1 % of the evidence. */
export function emptyValues(cells = SCORE_PARTS): Float64Array<ArrayBuffer> {
  if (!(Number.isSafeInteger(cells) && cells >= 1)) throw new RangeError(`Not a number of cells: ${cells}.`);
  return new Float64Array(cells + 1);
}

/**
 * Counts one observation; what lies outside [0, 1] is counted at the nearer end.
 * @throws RangeError for what is no number
 */
export function countValue(counts: Float64Array, value: number): void {
  if (Number.isNaN(value)) throw new RangeError("A score must be a number.");
  const { below, upper } = placeOf(value, counts.length - 1);
  counts[below]! += 1 - upper;
  counts[below + 1]! += upper;
}

/** Adds `more` to `counts`. @throws RangeError when they have different values. */
export function mergeValues(counts: Float64Array, more: ValueCounts): void {
  if (more.length !== counts.length) throw new RangeError(`${more.length} values do not add to ${counts.length}.`);
  for (let i = 0; i < counts.length; i++) counts[i]! += more[i]!;
}

/** How many observations, and their mean: NaN for none. */
export function summarise(counts: ValueCounts): { readonly n: number; readonly mean: number } {
  let n = 0;
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    n += counts[i]!;
    sum += counts[i]! * i;
  }
  return { n, mean: sum / n / (counts.length - 1) };
}
