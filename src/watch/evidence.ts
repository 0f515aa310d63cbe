import { HOLDBACK, RECENT, recentStarts } from "../core/error-budget.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import {
  createRecentEvidence,
  GRAIN,
  type LateEvidence,
  logMixture,
  logSumExp,
  logWeightsOf,
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

/** How long harm is watched for. */
export interface Watch {
  readonly from: Instant;
  /** While the release goes out. */
  readonly horizon: Milliseconds;
  /** Afterwards, beside the holdback; 0 without one. */
  readonly holdback: Milliseconds;
}

/**
 * Evidence of harm that may begin at any time. A start of the recursion is a moment of *requests*: it takes in what
 * was served from then on, whenever that became known, so a late outcome never dilutes a start that it is older than.
 * A holdback gets starts of its own, further apart: the mean of two e-processes is one.
 */
export function createLateEvidence(design: StartDesign, watch: Watch): Evidence {
  return evidenceOver(design, watch, false);
}

/** The same without the first start, which then has evidence of its own. */
export function createLaterEvidence(design: StartDesign, watch: Watch): Evidence {
  return evidenceOver(design, watch, true);
}

function evidenceOver(design: StartDesign, { from, horizon, holdback }: Watch, laterOnly: boolean): Evidence {
  const early = new StartsOver(design, from, horizon, laterOnly);
  return holdback === 0 ? early : new InTwoParts(early, new StartsOver(design, from, horizon + holdback, laterOnly));
}

// Classes, since there are very many: one object each, and not one for every function.

class StartsOver implements Evidence {
  readonly #from: Instant;
  readonly #every: Milliseconds;
  readonly #evidence: LateEvidence;
  /** The last answer, until something is added. */
  #log = 0;
  #isNew = false;

  constructor(design: StartDesign, from: Instant, horizon: Milliseconds, laterOnly: boolean) {
    const plan = { ...planStarts(Math.max(1, horizon / 1000)), laterOnly };
    this.#isNew = laterOnly;
    this.#from = from;
    this.#every = Math.max(1000, horizon / plan.intervals);
    this.#evidence = startLateEvidence(design, plan);
  }

  add(bucket: Instant, increments: ArrayLike<number>): void {
    this.#isNew = true;
    this.#evidence.add(Math.floor((bucket - this.#from) / this.#every), increments);
  }

  log(): number {
    if (this.#isNew) this.#log = this.#evidence.log();
    this.#isNew = false;
    return this.#log;
  }
}

class InTwoParts implements Evidence {
  readonly #early: StartsOver;
  readonly #late: StartsOver;

  constructor(early: StartsOver, late: StartsOver) {
    this.#early = early;
    this.#late = late;
  }

  add(bucket: Instant, increments: ArrayLike<number>): void {
    this.#early.add(bucket, increments);
    this.#late.add(bucket, increments);
  }

  log(): number {
    return logSumExp([Math.log1p(-HOLDBACK) + this.#early.log(), Math.log(HOLDBACK) + this.#late.log()]);
  }
}

/**
 * Evidence of harm that began within the last `within`: a slow sum of small differences is none. Each interval of the
 * planned watch has an equal part of the error budget; those after it have a smaller one.
 */
export function createRecentWatch(design: Weighed, within: Milliseconds, watch: Watch): Evidence {
  const { every, weightOf } = recentStarts(within, watch.horizon + watch.holdback);
  const evidence = createRecentEvidence(design, { window: RECENT, weightOf });
  const intervalOf = (moment: Instant) => Math.floor((moment - watch.from) / every);
  /** What a clock that is ahead says was served after now waits for its time: else it would push what is new out of the window. */
  const waiting = new Map<number, Float64Array>();
  return {
    add(bucket, increments) {
      const interval = intervalOf(bucket);
      const sums = waiting.get(interval) ?? new Float64Array(design.alternatives.length);
      for (let j = 0; j < sums.length; j++) sums[j]! += Math.floor(increments[j]! / GRAIN) * GRAIN;
      waiting.set(interval, sums);
    },
    log(now) {
      const present = Math.max(0, intervalOf(now));
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
  return new Plain(design);
}

class Plain implements Evidence {
  readonly #totals: number[];
  readonly #logWeights: readonly number[];
  #log = 0;
  #isNew = true;

  constructor(design: Weighed) {
    this.#totals = design.alternatives.map(() => 0);
    this.#logWeights = logWeightsOf(design);
  }

  add(_: Instant, increments: ArrayLike<number>): void {
    const totals = this.#totals;
    this.#isNew = true;
    for (let j = 0; j < totals.length; j++) totals[j]! += Math.floor(increments[j]! / GRAIN) * GRAIN;
  }

  log(): number {
    if (this.#isNew) this.#log = logMixture(this.#logWeights, this.#totals);
    this.#isNew = false;
    return this.#log;
  }
}
