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
  /** How many of them were `part`. */
  readonly k: number;
}
