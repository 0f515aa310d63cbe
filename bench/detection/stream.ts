import type { Random } from "../../src/core/ports.ts";
import type { Sums } from "../../src/statistics/incumbents/online-judge.ts";
import { createBinomialDraws, drawBurst } from "./draws.ts";
import type { Course } from "./worlds.ts";

/** The counts of one rollout, tick by tick, from a seed. */
export interface Stream {
  /** Counts of units: at a unit's first outcome it is counted, and bad when one of its outcomes was. */
  readonly units: Sums;
  /** Counts of single outcomes; the same object where a unit has one. */
  readonly outcomes: Sums;
  /** The end of the last tick, in seconds. */
  readonly at: number;
  /** Draws the next tick of this length; it must not cross a second. */
  next(seconds: number): void;
}

/** A burst lasts at most so many seconds. */
const AHEAD = 64;

/** Each has tables of its own, since its rates come again second after second. */
const [drawShare, drawCandidate, drawReference] = [createBinomialDraws(), createBinomialDraws(), createBinomialDraws()];

export function createStream(random: Random, course: Course): Stream {
  const units: Sums = { n1: 0, k1: 0, n0: 0, k0: 0 };
  const single = course.burst <= 1 && course.perUnit === 1;
  const outcomes: Sums = single ? units : { n1: 0, k1: 0, n0: 0, k0: 0 };
  const later = single ? undefined : { candidate: new Uint32Array(AHEAD), reference: new Uint32Array(AHEAD) };
  let at = 0;
  return {
    units,
    outcomes,
    get at() {
      return at;
    },
    next(seconds) {
      const second = at + seconds / 2;
      const n = Math.round(course.perSecond * seconds);
      units.n1 = drawShare(random, n, course.share(second));
      units.n0 = n - units.n1;
      units.k1 = drawCandidate(random, units.n1, course.p1(second));
      units.k0 = drawReference(random, units.n0, course.p0(second));
      if (later) {
        const tick = Math.floor(second);
        outcomes.n1 = units.n1 * course.perUnit;
        outcomes.n0 = units.n0 * course.perUnit;
        outcomes.k1 = Math.min(outcomes.n1, spread(random, later.candidate, tick, units.k1, course.burst));
        outcomes.k0 = Math.min(outcomes.n0, spread(random, later.reference, tick, units.k0, course.burst));
      }
      at = Math.round((at + seconds) * 1e6) / 1e6;
    },
  };
}

/** Bad units go on being bad, an outcome a second; answers how many bad outcomes fall into this second. */
function spread(random: Random, later: Uint32Array, second: number, fresh: number, mean: number): number {
  for (let unit = 0; unit < fresh; unit++) {
    for (let left = Math.min(AHEAD, drawBurst(random, mean)), when = second; left > 0; left--, when++) {
      later[when % AHEAD]! += 1;
    }
  }
  const now = later[second % AHEAD]!;
  later[second % AHEAD] = 0;
  return now;
}
