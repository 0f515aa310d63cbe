import type { ReleaseId } from "./release.ts";
import type { Instant } from "./time.ts";

/**
 * Counts of one signal for one release: `bad`-agnostic, just `part` of `of` as the playbook's signal names them.
 * A block is keyed by (node, sequence, bucket, signal, release) and never changes: a late outcome makes a new block
 * of a later sequence that belongs to the bucket of its request. So blocks commute and a repeated one is recognised.
 */
export interface Sample {
  readonly node: string;
  readonly sequence: number;
  /** Start of the second in which the requests were served. */
  readonly bucket: Instant;
  readonly signal: string;
  readonly release: ReleaseId;
  /** Observations: how many of `of`. */
  readonly n: number;
  /**
   * How many of them were `part`; 0 for a signal of values. By unit, a later block of `n` 0 tells of those that have turned
   * bad since: `k` is then above `n` where fewer are better, and below 0 where more are.
   */
  readonly k: number;
  /** Of this group alone, `applicant-group=b` say. The whole signal's counts come in a row of their own, without it. */
  readonly group?: string;
  /** When it was counted, or, of how requests ended, when they count as ended. Absent: right after its second. */
  readonly known?: Instant;
  /** How the values of a `mean` or a `time` are distributed; the counts sum up to `n`. */
  readonly cells?: Cells;
}

/**
 * Counts by cell, lowest cell first. Of a `time`: buckets of the log histogram of seconds. Of a `mean`: equally spaced
 * values from the least (cell 0) to the greatest, with fractional counts (`statistics/value-counts`); without a range, values
 * of either sign in steps of 2 % (`valueAt`).
 */
export type Cells = readonly (readonly [cell: number, count: number])[];
