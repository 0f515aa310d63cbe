/**
 * Counts of one bucket of time, always as badness: of `n1` candidate observations `k1` were bad, of `n0` reference
 * observations `k0`. Both arms must have been served in the same bucket, because only then do they share whatever
 * the day does to the bad rate. An arm may be empty. Blocks with fewer than about ten reference observations are
 * valid but weaker, so quiet traffic wants longer buckets. A late outcome belongs into the block of its request.
 */
export interface Block {
  readonly n1: number;
  readonly k1: number;
  readonly n0: number;
  readonly k0: number;
}

/**
 * "Not harmful" is `p1 <= ratio * p0 + points`, with p1 and p0 the candidate's and the reference's bad rates.
 * `ratio` 0 is the one-sample rule "at most `points` bad", which needs no reference.
 */
export interface MarginNull {
  readonly ratio: number;
  readonly points: number;
}
