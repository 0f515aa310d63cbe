import type { Block, MarginNull } from "./block.ts";

/** Counts of one group of people in one bucket of time, of one arm: of `n` decisions `k` were bad for them. */
export interface GroupCounts {
  readonly n: number;
  readonly k: number;
}

/** Two groups by their place: is the first worse off than the second by more than the margin? */
export interface Pair {
  readonly worse: number;
  readonly better: number;
}

/** Every ordered pair: any group may turn out to be the one that is worse off. */
export function pairsOf(groups: number): readonly Pair[] {
  if (!(Number.isSafeInteger(groups) && groups >= 2)) throw new RangeError(`No pair among ${groups} groups.`);
  return Array.from({ length: groups * groups }, (_, i) => ({
    worse: Math.floor(i / groups),
    better: i % groups,
  })).filter(({ worse, better }) => worse !== better);
}

/** "No group is worse off than another by more than so many points." */
export function pointsApart(points: number): MarginNull {
  return { ratio: 1, points };
}

/**
 * "Every group is selected at least `share` times as often as any other": the four-fifths rule at 0.8 (29 CFR 1607.4 D),
 * where bad is not being selected: `1 - p_worse >= share (1 - p_better)`.
 */
export function selectedAtLeast(share: number): MarginNull {
  if (!(share > 0 && share <= 1)) throw new RangeError(`Not a share: ${share}.`);
  return { ratio: share, points: 1 - share };
}

/** The blocks of all pairs in one bucket, each for the increments of a design with one of the nulls above. */
export function pairBlocks(groups: readonly GroupCounts[]): readonly Block[] {
  return pairsOf(groups.length).map(({ worse, better }) => {
    const [a, b] = [groups[worse]!, groups[better]!];
    return { n1: a.n, k1: a.k, n0: b.n, k0: b.k };
  });
}

/**
 * ln of the e-value against "no pair is apart": the greatest of the pairs' e-values, less ln of their number. Each pair has
 * an equal part of the error budget. Unlike the mean of all it is monotone where it must be: it is one pair's evidence, and
 * one more bad outcome in that pair's worse-off group can only raise it (law 2), though it lowers the pairs in which the
 * same group is the better-off one. It is less than the mean by at most the logarithm of the pairs that agree.
 */
export function disparityEvidence(logEs: readonly number[]): { readonly log: number; readonly pair: number } {
  const log = Math.max(...logEs);
  return { log: logEs.length === 0 ? 0 : log - Math.log(logEs.length), pair: logEs.indexOf(log) };
}

/**
 * ln of the e-value for "no pair is apart", from the pairs' safety evidence: the least of them, as all must be proved.
 * The error is not divided: whichever pair is apart, its own e-value promises enough (intersection-union test: Berger 1982).
 */
export function paritySafety(logEs: readonly number[]): number {
  return logEs.length === 0 ? 0 : Math.min(...logEs);
}
