import { HOLDBACK, RECENT, recentStarts } from "../core/error-budget.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import {
  createRecentEvidence,
  GRAIN,
  type LateEvidence,
  logMixture,
  logSumExp,
  logWeightsOf,
  NumberShelf,
  planStarts,
  type StartDesign,
  createLateEvidence as startLateEvidence,
  type Weighed,
} from "../statistics/index.ts";
import type { SafetyDesign } from "./hypothesis/hypothesis.ts";

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
export function createLateEvidence(design: StartDesign, watch: Watch, shelf = new NumberShelf()): Evidence {
  return evidenceOver(design, watch, shelf, false);
}

/** The same without the first start, which then has evidence of its own. */
export function createLaterEvidence(design: StartDesign, watch: Watch): Evidence {
  return evidenceOver(design, watch, new NumberShelf(), true);
}

function evidenceOver(design: StartDesign, watch: Watch, shelf: NumberShelf, laterOnly: boolean): Evidence {
  const { from, horizon, holdback } = watch;
  const over = (life: Milliseconds) => new StartsOver(design, { from, horizon: life }, shelf, laterOnly);
  return holdback === 0 ? over(horizon) : new InTwoParts(over(horizon), over(horizon + holdback));
}

// Classes, since there are very many: one object each, and not one for every function.

/** Places on the shelf: the beginning, the length of an interval, and the last answer. */
const [FROM, EVERY, LOG, KEPT] = [0, 1, 2, 3] as const;

class StartsOver implements Evidence {
  readonly #shelf: NumberShelf;
  readonly #place: number;
  readonly #evidence: LateEvidence;
  /** Something was added since the last answer. */
  #isNew: boolean;

  constructor(
    design: StartDesign,
    { from, horizon }: Pick<Watch, "from" | "horizon">,
    shelf: NumberShelf,
    laterOnly: boolean,
  ) {
    const plan = { ...planStarts(Math.max(1, horizon / 1000)), laterOnly };
    this.#shelf = shelf;
    this.#place = shelf.take(KEPT);
    this.#evidence = startLateEvidence(design, plan, shelf);
    this.#isNew = laterOnly;
    shelf.numbers[this.#place + FROM] = from;
    shelf.numbers[this.#place + EVERY] = Math.max(1000, horizon / plan.intervals);
  }

  add(bucket: Instant, increments: ArrayLike<number>): void {
    const { numbers } = this.#shelf;
    this.#isNew = true;
    this.#evidence.add(Math.floor((bucket - numbers[this.#place + FROM]!) / numbers[this.#place + EVERY]!), increments);
  }

  log(): number {
    if (this.#isNew) this.#shelf.numbers[this.#place + LOG] = this.#evidence.log();
    this.#isNew = false;
    return this.#shelf.numbers[this.#place + LOG]!;
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

/** Evidence about the whole time since the first request; of several claims the least, since all must be proved. */
export function createPlainEvidence(design: SafetyDesign, shelf = new NumberShelf()): Evidence {
  const { alternatives, claims = [alternatives.length] } = design;
  let from = 0;
  const parts = claims.map((size) => {
    const part = new Plain({ alternatives: alternatives.slice(from, from + size) }, from, shelf);
    from += size;
    return part;
  });
  return parts.length === 1 ? parts[0]! : new LeastOf(parts);
}

class LeastOf implements Evidence {
  readonly #parts: readonly Plain[];

  constructor(parts: readonly Plain[]) {
    this.#parts = parts;
  }

  add(bucket: Instant, increments: ArrayLike<number>): void {
    for (const part of this.#parts) part.add(bucket, increments);
  }

  log(): number {
    return Math.min(...this.#parts.map((part) => part.log()));
  }
}

class Plain implements Evidence {
  readonly #shelf: NumberShelf;
  /** Of the totals on the shelf; behind them is the last answer. */
  readonly #place: number;
  readonly #logWeights: readonly number[];
  /** Its increments stand from here on. */
  readonly #from: number;
  #isNew = true;

  constructor(design: Weighed, from: number, shelf: NumberShelf) {
    this.#shelf = shelf;
    this.#from = from;
    this.#place = shelf.take(design.alternatives.length + 1);
    this.#logWeights = logWeightsOf(design);
  }

  add(_: Instant, increments: ArrayLike<number>): void {
    const { numbers } = this.#shelf;
    const size = this.#logWeights.length;
    this.#isNew = true;
    for (let j = 0; j < size; j++) numbers[this.#place + j]! += Math.floor(increments[this.#from + j]! / GRAIN) * GRAIN;
  }

  log(): number {
    const { numbers } = this.#shelf;
    const answer = this.#place + this.#logWeights.length;
    if (this.#isNew) numbers[answer] = logMixture(this.#logWeights, numbers, this.#place);
    this.#isNew = false;
    return numbers[answer]!;
  }
}
