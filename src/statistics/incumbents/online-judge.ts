import type { Block } from "../block.ts";

/** A rule that other tools use, asked as the counts come in. For comparison and migration only. */
export interface OnlineJudge {
  /**
   * Takes the counts of one tick.
   * @param at the end of the tick, in seconds since the first exposure
   * @returns whether it would go back now
   */
  take(counts: Block, at: number): boolean;
}

/** Sums of both arms that can be added to and cleared. */
export interface Sums {
  n1: number;
  k1: number;
  n0: number;
  k0: number;
}

export function noSums(): Sums {
  return { n1: 0, k1: 0, n0: 0, k0: 0 };
}

export function addTo(sums: Sums, { n1, k1, n0, k0 }: Block): void {
  sums.n1 += n1;
  sums.k1 += k1;
  sums.n0 += n0;
  sums.k0 += k0;
}

/** Ticks are parts of seconds, so that their ends are rounded. */
const ROUNDING = 1e-6;

/** Asks a question at the end of every interval, `every` seconds long; between them the answer is no. */
export function atIntervals(every: number, ask: () => boolean): (at: number) => boolean {
  if (!(every > 0)) throw new RangeError(`An interval is longer than 0 seconds, not ${every}.`);
  let next = every;
  return (at) => {
    if (at < next - ROUNDING) return false;
    next = (Math.floor((at + ROUNDING) / every) + 1) * every;
    return ask();
  };
}
