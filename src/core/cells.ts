// How values are counted in cells, so that whoever counts and whoever judges mean the same; see `Cells`. Pure numbers.

/** Half the width of a bucket of times, relative to its middle: every time is known to 1 %. */
export const ACCURACY = 0.01;
const LEAST = 1e-6;
const MOST = 1e9;
const STEP = Math.log((1 + ACCURACY) / (1 - ACCURACY));

/** The last bucket of times; it has everything above 1e9 s. */
export const LAST_BUCKET = Math.ceil(Math.log(MOST / LEAST) / STEP);

/** The bucket of a time in seconds: the lowest whose upper edge is not below it (DDSketch: Masson, Rim and Lee, VLDB 2019). */
export function bucketOf(value: number): number {
  if (!(value > LEAST)) return 0;
  return Math.min(LAST_BUCKET, Math.ceil(Math.log(value / LEAST) / STEP));
}

/** The greatest value of a bucket; everything is at most the last one's, which is Infinity. */
export function upperEdge(bucket: number): number {
  return bucket >= LAST_BUCKET ? Number.POSITIVE_INFINITY : LEAST * Math.exp(bucket * STEP);
}

/** A score's range is split into so many equal parts; it is counted at their ends. 16 cost about 1 % of the evidence. */
export const SCORE_PARTS = 16;

/** Shares of an observation are multiples of this: sums of them stay exact up to 2^33 observations. */
const UNIT = 2 ** 20;

/**
 * Where an observation in [0, 1] is counted: the share `upper` of it at the end `below + 1`, the rest at `below`, so that
 * count and mean are kept. What lies outside is counted at the nearer end.
 */
export function placeOf(score: number, parts = SCORE_PARTS): { readonly below: number; readonly upper: number } {
  const place = Math.min(Math.max(score, 0), 1) * parts;
  const below = Math.min(Math.floor(place), parts - 1);
  return { below, upper: Math.round((place - below) * UNIT) / UNIT };
}

/** Of values without ends: cell 0 is -1e9, this one 0, and twice its number 1e9. */
export const ZERO_CELL = LAST_BUCKET + 1;

/** The value that is counted in a cell: 0, or 1e-6 to about 1e9 in steps of 2 %, of either sign. */
export function valueAt(cell: number): number {
  const place = Math.abs(cell - ZERO_CELL);
  return place === 0 ? 0 : Math.sign(cell - ZERO_CELL) * LEAST * Math.exp((place - 1) * STEP);
}

/** The greatest value without ends that is counted, of either sign. */
export const GREATEST_VALUE = MOST;

/** Where a value without ends is counted: shared out between its neighbours as a score is, so that count and mean are kept. */
export function valuePlaceOf(value: number): { readonly below: number; readonly upper: number } {
  const size = Math.min(Math.abs(value), MOST);
  const place = size < LEAST ? 0 : Math.min(LAST_BUCKET, 1 + Math.floor(Math.log(size / LEAST) / STEP));
  const [near, far] = [valueAt(ZERO_CELL + place), valueAt(ZERO_CELL + place + 1)];
  const outer = Math.round(Math.min(1, Math.max(0, (size - near) / (far - near))) * UNIT) / UNIT;
  return value < 0 ? { below: ZERO_CELL - place - 1, upper: 1 - outer } : { below: ZERO_CELL + place, upper: outer };
}

/** Where a reported score is counted: between its ends, or without any. */
export function meanPlaceOf(value: number, range: readonly [least: number, greatest: number] | undefined) {
  return range ? placeOf((value - range[0]) / (range[1] - range[0])) : valuePlaceOf(value);
}
