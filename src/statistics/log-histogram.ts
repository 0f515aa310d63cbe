import { bucketOf, LAST_BUCKET } from "../core/cells.ts";

/**
 * Counts of positive values in buckets whose edges grow by a constant factor, so that every value is known to 1 %
 * (DDSketch: Masson, Rim and Lee, VLDB 2019). Two of them add up exactly, in any order. At most 1,728 buckets, whatever
 * comes: what lies below 1e-6 or above 1e9 units is counted in the first or the last.
 */
export interface LogHistogram {
  readonly total: number;
  /** @throws RangeError for a value that is no number, or a number of times that is no count */
  count(value: number, times?: number): void;
  merge(other: LogHistogram): void;
  /** How many values lie in buckets above this one: exactly those greater than its `upperEdge`. */
  above(bucket: number): number;
  /** Buckets that hold something, from the lowest up, with their counts; plain JSON. */
  entries(): readonly (readonly [bucket: number, count: number])[];
}

/** @param entries what `entries` answered, to go on from it */
export function createLogHistogram(entries: readonly (readonly [number, number])[] = []): LogHistogram {
  const counts = new Map<number, number>();
  let total = 0;
  const add = (bucket: number, times: number) => {
    if (!(Number.isSafeInteger(times) && times >= 0)) throw new RangeError(`Not a count: ${times}.`);
    if (!(Number.isSafeInteger(bucket) && bucket >= 0 && bucket <= LAST_BUCKET))
      throw new RangeError(`Not a bucket: ${bucket}.`);
    if (times === 0) return;
    counts.set(bucket, (counts.get(bucket) ?? 0) + times);
    total += times;
  };
  for (const [bucket, times] of entries) add(bucket, times);
  return {
    get total() {
      return total;
    },
    count(value, times = 1) {
      if (Number.isNaN(value)) throw new RangeError("A value must be a number.");
      add(bucketOf(value), times);
    },
    merge(other) {
      for (const [bucket, times] of other.entries()) add(bucket, times);
    },
    above(bucket) {
      let sum = 0;
      for (const [at, times] of counts) if (at > bucket) sum += times;
      return sum;
    },
    entries: () => [...counts].sort(([a], [b]) => a - b),
  };
}
