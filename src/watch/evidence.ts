import type { Instant, Milliseconds } from "../core/time.ts";
import { type Design, mixture, planStarts, createLateEvidence as startLateEvidence } from "../statistics/index.ts";
import { GRAIN } from "../statistics/late-evidence.ts";

/** Sums up the increments of blocks; the order in which they come changes no bit of the evidence. */
export interface Evidence {
  add(bucket: Instant, increments: ArrayLike<number>): void;
  /** ln of the e-value; 0 before the first block. */
  log(): number;
}

/**
 * Evidence of harm that may begin at any time. A start of the recursion is a moment of *requests*: it takes in what
 * was served from then on, whenever that became known, so a late outcome never dilutes a start that it is older than.
 */
export function createLateEvidence(design: Design, from: Instant, horizon: Milliseconds): Evidence {
  const plan = planStarts(Math.max(1, horizon / 1000));
  const every = Math.max(1000, horizon / plan.intervals);
  const evidence = startLateEvidence(design, plan);
  return {
    add: (bucket, increments) => evidence.add(Math.floor((bucket - from) / every), increments),
    log: () => evidence.log(),
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
