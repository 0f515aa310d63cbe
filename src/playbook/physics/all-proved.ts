/** Of what may miss, the part of the claim that is proved last; the others share the rest. */
const OF_SLOWEST = 0.8;
/** So much of each law has to be followed, where nine of ten are asked for. */
export const FOLLOWED_FOR_ALL = 0.996;

/**
 * How long it takes until all of several claims are proved, which a part of the runs does not exceed: an upper bound, whatever
 * depends on what, since together they miss no more than the sum of what each misses.
 * @param lengths for each claim what a part of the runs does not exceed, undefined where nobody knows
 */
export function allProved(
  lengths: readonly ((part: number) => number | undefined)[],
  part: number,
): number | undefined {
  if (lengths.length === 1) return lengths[0]!(part);
  const missed = 1 - part;
  const ofOthers = (missed * (1 - OF_SLOWEST)) / (lengths.length - 1);
  const bounds = lengths.map((slowest) => {
    const all = lengths.map((length) => length(1 - (length === slowest ? missed * OF_SLOWEST : ofOthers)));
    return all.includes(undefined) ? Number.POSITIVE_INFINITY : Math.max(...(all as number[]));
  });
  const least = Math.min(...bounds);
  return Number.isFinite(least) ? least : undefined;
}
