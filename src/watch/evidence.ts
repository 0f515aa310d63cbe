import type { Instant, Milliseconds } from "../core/time.ts";
import {
  advance,
  type Design,
  logEvidence,
  mixture,
  type RecursionState,
  spending,
  startRecursion,
} from "../statistics/index.ts";
import { logSumExp } from "../statistics/recursion.ts";

/** Sums up the increments of blocks; the order in which they come changes no bit of the evidence. */
export interface Evidence {
  add(bucket: Instant, increments: ArrayLike<number>): void;
  /** ln of the e-value; 0 before the first block. */
  log(): number;
}

/**
 * Increments are rounded down to multiples of this, a power of two: sums of them are exact in a double up to 8 million,
 * hence the same in any order; and an e-value that was rounded down is still one.
 */
const GRAIN = 2 ** -30;

/** Starts after the first one: enough that a late fault meets a fresh start soon. */
const LATE_STARTS = 60;

/**
 * Evidence of harm that may begin at any time. A start of the recursion is a moment of *requests*: it takes in what
 * was served from then on, whenever that became known, so a late outcome never dilutes a start that it is older than.
 */
export function createLateEvidence(design: Design, from: Instant, horizon: Milliseconds): Evidence {
  const every = Math.max(1000, horizon / LATE_STARTS);
  const weightOf = spending({ starts: LATE_STARTS });
  const totals: Float64Array[] = [];
  /** The recursion after each interval; cut back to where something changed. */
  const states: RecursionState[] = [];
  /** What the starts weigh that no block has reached. */
  const unspent = (used: number) => {
    let weight = 0;
    for (let start = used; start <= LATE_STARTS; start++) weight += weightOf(start);
    return weight;
  };
  return {
    add(bucket, increments) {
      const interval = Math.min(LATE_STARTS, Math.max(0, Math.floor((bucket - from) / every)));
      while (totals.length <= interval) totals.push(new Float64Array(design.alternatives.length));
      addTo(totals[interval]!, increments);
      states.length = Math.min(states.length, interval);
    },
    log() {
      for (let next = states.length; next < totals.length; next++) {
        states.push(advance(states[next - 1] ?? startRecursion(design), design, totals[next]!, weightOf(next)));
      }
      const last = states.at(-1);
      if (!last) return 0;
      const left = unspent(states.length);
      return logSumExp(left > 0 ? [logEvidence(last), Math.log(left)] : [logEvidence(last)]);
    },
  };
}

/** Evidence about the whole time since the first request. */
export function createPlainEvidence(design: Design): Evidence {
  const totals = new Float64Array(design.alternatives.length);
  return {
    add: (_, increments) => addTo(totals, increments),
    log: () => mixture(design, totals),
  };
}

function addTo(totals: Float64Array, increments: ArrayLike<number>): void {
  for (let index = 0; index < totals.length; index++) {
    totals[index]! += Math.floor(increments[index]! / GRAIN) * GRAIN;
  }
}
