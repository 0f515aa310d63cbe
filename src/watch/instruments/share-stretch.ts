import type { Instant } from "../../core/time.ts";
import {
  combine,
  harmDesign,
  type Increments,
  incrementsOf,
  logMixture,
  logWeightsOf,
  safetyDesign,
} from "../../statistics/index.ts";

/** So far, relative to the plan, may the smaller arm's true share be off: people differ in how much they ask. */
const TOLERANCE = 0.2;
/** Looking again is worth it when there is this much more to see. */
const GROWTH = 1.05;

/** Requests that were drawn with one planned share, and the evidence that they were not. */
export interface ShareStretch {
  /** Since when the share was planned. */
  readonly at: Instant;
  readonly share: number;
  /** Requests of both arms, and the candidate's. */
  counts(): { readonly n: number; readonly k: number };
  /** How many of the smaller arm there should be. */
  expected(): number;
  /** ln of the e-value: the mean of "too many" and "too few". */
  log(): number;
  /** Answers whether it was worth it to look again. */
  add(n: number, k: number): boolean;
}

export function startStretch(at: Instant, share: number, lump: number): ShareStretch {
  const isRare = share <= 0.5;
  const rare = isRare ? share : 1 - share;
  const tests = testsOf(rare);
  let [n, k, seen, log] = [0, 0, 0, 0];
  const evidence = ({ increments, logWeights }: Test) => {
    increments.write({ n1: n, k1: isRare ? k : n - k, n0: 0, k0: 0 }, whole);
    for (let j = 0; j < logWeights.length; j++) whole[j]! /= lump;
    return logMixture(logWeights, whole);
  };
  return {
    at,
    share,
    counts: () => ({ n, k }),
    expected: () => n * rare,
    log: () => log,
    add(more, ofCandidate) {
      n += more;
      k += ofCandidate;
      if (n < GROWTH * seen) return false;
      seen = n;
      log = combine(tests.map(evidence), [1, 1]);
      return true;
    },
  };
}

interface Test {
  readonly increments: Increments;
  readonly logWeights: readonly number[];
}

/** Where the increments of a test are written, of no more alternatives than this. */
const whole = new Float64Array(32);

/** Shares are few, and many rollouts plan the same: their tests are kept, up to so many. */
const MOST = 256;
const known = new Map<number, readonly Test[]>();

/** Against "too many" and "too few" of the arm that should get this share, at most half. */
function testsOf(rare: number): readonly Test[] {
  const kept = known.get(rare);
  if (kept) return kept;
  const form = "projected-bernoulli";
  const designs = [
    harmDesign({ form, null: { ratio: 0, points: (1 + TOLERANCE) * rare }, forecast: rare }),
    // The alternatives lie around half of what is tolerated, down to an eighth and so to nothing.
    safetyDesign({ form, null: { ratio: 0, points: (1 - TOLERANCE) * rare }, forecast: ((1 - TOLERANCE) * rare) / 2 }),
  ];
  const tests = designs.map((design) => ({ increments: incrementsOf(design), logWeights: logWeightsOf(design) }));
  if (known.size < MOST) known.set(rare, tests);
  return tests;
}
