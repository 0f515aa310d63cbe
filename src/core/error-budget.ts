import { maturityOf, type Playbook } from "./playbook.ts";
import type { Milliseconds } from "./time.ts";

// How a trigger's error budget is spent: the evaluator spends it, and the linter reckons with it.

/** A release may take so many times its planned length. */
export const PATIENCE = 4;

/** How long harm is watched for while a release goes out: its patience, and until the slowest claimed outcomes are known. */
export function horizonOf({ how, triggers, signals }: Pick<Playbook, "how" | "triggers" | "signals">): Milliseconds {
  const claimed = signals.filter(({ name }) => triggers.some(({ signal }) => signal === name));
  // Nothing can be proved before outcomes are known: a sound release must not be given up for that.
  return PATIENCE * how.steps.length * how.each + Math.max(0, ...claimed.map(maturityOf));
}

/** The part that is spread over the holdback, where harm is rarer than while a release goes out. */
export const HOLDBACK = 0.1;

/** The part of a claim about segments that the whole has, so that it is found about as soon as without; the segments share the rest. */
export const WHOLE = 0.5;

/** The part of what groups or segments share that is kept for those that nobody has seen before the release. */
export const UNSEEN = 0.1;

/** A label has so many values at most, with the one for all others; after a restart the intake may name further ones. */
export const MOST_GROUPS = 17;

/** What each of many has: of those that the frozen window has seen, and of those that appear later, as many as there can be. */
export interface Parts {
  readonly known: number;
  readonly later: number;
}

/** The part of each ordered pair of groups. Of fewer than two groups nothing is known, and all of it is kept for later. */
export function pairParts(known: number): Parts {
  const reserve = known >= 2 ? UNSEEN : 1;
  return {
    known: known >= 2 ? (1 - reserve) / (known * (known - 1)) : 0,
    later: reserve / (MOST_GROUPS * (MOST_GROUPS - 1)),
  };
}

/** The part of each segment, beside the whole's. */
export function segmentParts(known: number): Parts {
  return {
    known: known > 0 ? ((1 - WHOLE) * (1 - UNSEEN)) / known : 0,
    later: ((1 - WHOLE) * (known > 0 ? UNSEEN : 1)) / MOST_GROUPS,
  };
}

/** The part of each of the four later looks at outcomes that are reported as they come, and what is left for comparing them so. */
export const AGAIN = 0.005;
export const AS_IT_COMES = 1 - 4 * AGAIN;

/** So many intervals make a span of `within`: a start that is a tenth of it off costs little. */
export const RECENT = 10;

/** The part that is kept for what is watched for longer than planned: paused, undecided, or a holdback that cannot end. */
const BEYOND = 0.1;

/** The starts of a recent change: an interval each, for ever. */
export interface RecentStarts {
  readonly every: Milliseconds;
  /** What the start of this interval, from 0, weighs; the sum of all is at most 1. */
  weightOf(interval: number): number;
}

/**
 * The starts of the planned watch weigh the same. Those after it weigh less and never nothing: the m-th span is as long as
 * all before it and has the part 1/(m (m + 1)) of what is kept.
 */
export function recentStarts(within: Milliseconds, planned: Milliseconds): RecentStarts {
  const every = Math.max(1000, within / RECENT);
  const life = Math.max(1, Math.ceil(planned / every));
  return {
    every,
    weightOf(interval) {
      if (interval < life) return (1 - BEYOND) / life;
      const doublings = Math.floor(Math.log2(interval / life));
      return BEYOND / ((doublings + 1) * (doublings + 2) * life * 2 ** doublings);
    },
  };
}
