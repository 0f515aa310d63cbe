import type { Instant, Milliseconds } from "../core/time.ts";
import {
  createRecentEvidence,
  GRAIN,
  logSumExp,
  mixtureOf,
  planStarts,
  type StartDesign,
  createLateEvidence as startLateEvidence,
  type Weighed,
} from "../statistics/index.ts";

/** Sums up the increments of cohorts; the order in which they come changes no bit of the evidence. */
export interface Evidence {
  add(bucket: Instant, increments: ArrayLike<number>): void;
  /** ln of the e-value; 0 before the first cohort. */
  log(now: Instant): number;
}

/** Remembers the last answer until something is added, for evidence that does not age. */
function remembered(evidence: Evidence): Evidence {
  let log: number | undefined;
  return {
    add(bucket, increments) {
      log = undefined;
      evidence.add(bucket, increments);
    },
    log(now) {
      log ??= evidence.log(now);
      return log;
    },
  };
}

/** How long harm is watched for. */
export interface Watch {
  readonly from: Instant;
  /** While the release goes out. */
  readonly horizon: Milliseconds;
  /** Afterwards, beside the holdback; 0 without one. */
  readonly holdback: Milliseconds;
}

/** The share of the error budget that is spread over the holdback, where harm is rarer than while a release goes out. */
const HOLDBACK = 0.1;

/**
 * Evidence of harm that may begin at any time. A start of the recursion is a moment of *requests*: it takes in what
 * was served from then on, whenever that became known, so a late outcome never dilutes a start that it is older than.
 * A holdback gets starts of its own, further apart: the mean of two e-processes is one.
 */
export function createLateEvidence(design: StartDesign, { from, horizon, holdback }: Watch): Evidence {
  const early = startsOver(design, from, horizon);
  if (holdback === 0) return remembered(early);
  const late = startsOver(design, from, horizon + holdback);
  return remembered({
    add(bucket, increments) {
      early.add(bucket, increments);
      late.add(bucket, increments);
    },
    log: (now) => logSumExp([Math.log1p(-HOLDBACK) + early.log(now), Math.log(HOLDBACK) + late.log(now)]),
  });
}

function startsOver(design: StartDesign, from: Instant, horizon: Milliseconds): Evidence {
  const plan = planStarts(Math.max(1, horizon / 1000));
  const every = Math.max(1000, horizon / plan.intervals);
  const evidence = startLateEvidence(design, plan);
  return {
    add: (bucket, increments) => evidence.add(Math.floor((bucket - from) / every), increments),
    log: () => evidence.log(),
  };
}

/** So many intervals make a window: a start that is a tenth of it off costs little. */
const RECENT = 10;

/**
 * Evidence of harm that began within the last `within`: a slow sum of small differences is none. Each interval of the whole
 * watch has an equal part of the error budget; what is served after the watch starts nothing.
 */
export function createRecentWatch(design: Weighed, within: Milliseconds, watch: Watch): Evidence {
  const every = Math.max(1000, within / RECENT);
  const life = Math.max(1, Math.ceil((watch.horizon + watch.holdback) / every));
  const evidence = createRecentEvidence(design, { window: RECENT, weight: 1 / life });
  const intervalOf = (moment: Instant) => Math.floor((moment - watch.from) / every);
  /** What a clock that is ahead says was served after now waits for its time: else it would push what is new out of the window. */
  const waiting = new Map<number, Float64Array>();
  return {
    add(bucket, increments) {
      const interval = intervalOf(bucket);
      if (interval >= life) return;
      const sums = waiting.get(interval) ?? new Float64Array(design.alternatives.length);
      for (let j = 0; j < sums.length; j++) sums[j]! += Math.floor(increments[j]! / GRAIN) * GRAIN;
      waiting.set(interval, sums);
    },
    log(now) {
      const present = Math.min(life - 1, Math.max(0, intervalOf(now)));
      for (const [interval, sums] of waiting) {
        if (interval > present) continue;
        evidence.add(interval, sums);
        waiting.delete(interval);
      }
      return evidence.log(present);
    },
  };
}

/** Evidence about the whole time since the first request. */
export function createPlainEvidence(design: Weighed): Evidence {
  const totals = new Float64Array(design.alternatives.length);
  const mixture = mixtureOf(design);
  return remembered({
    add(_, increments) {
      for (let j = 0; j < totals.length; j++) totals[j]! += Math.floor(increments[j]! / GRAIN) * GRAIN;
    },
    log: () => mixture(totals),
  });
}
