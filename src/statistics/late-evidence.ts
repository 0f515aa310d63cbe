import { NumberShelf } from "./number-shelf.ts";
import { logSumExp, NOTHING } from "./recursion.ts";
import { sharedList } from "./shared-list.ts";

/** When the recursion starts anew: times are cut into `intervals` of equal length, each `perMark`-th one is a mark. */
export interface StartPlan {
  readonly intervals: number;
  readonly perMark: number;
  /** The first start, which has evidence of its own, is left out: the shares of the others do not sum to 1. */
  readonly laterOnly?: boolean;
}

/** The part of a design that the starts need: each alternative's weight at the first start, at marks, and between them. */
export interface StartDesign {
  readonly alternatives: readonly { readonly weight: number; readonly atMarks: number; readonly between: number }[];
}

/** Evidence of harm that may begin at any time, summed up in any order. */
export interface LateEvidence {
  /** Adds the increments of a block of requests from this interval; later ones than the plan's count as its last. */
  add(interval: number, increments: ArrayLike<number>): void;
  /** ln of the e-value; 0 before the first block. */
  log(): number;
}

/**
 * Increments are rounded down to multiples of this, a power of two: sums of them are exact in a double up to 8 million,
 * hence the same in any order; and an e-value that was rounded down is still one.
 */
export const GRAIN = 2 ** -30;

const INTERVALS = 360;
const PER_MARK = 6;
/** What is kept grows by an eighth at a time: an hour of it is copied about fifteen times. */
const GROWTH = 1.125;
/** Of the error budget, the share of the first start: the release itself is the likeliest moment of a change. */
export const FIRST = 0.67;
/** Of what later starts get, the share of the marks: a minute of an hour, where schedules and steps begin. */
const MARKS = 0.6;

/** 360 intervals, or as many as there are buckets in the horizon: a start within a bucket would change nothing. */
export function planStarts(buckets: number): StartPlan {
  if (!(buckets >= 1)) throw new RangeError(`Not a number of buckets: ${buckets}.`);
  return { intervals: Math.min(INTERVALS, Math.floor(buckets)), perMark: PER_MARK };
}

/** The share of the error budget that the start before each interval spends; they sum to 1. */
export function startShares({ intervals, perMark }: StartPlan): (interval: number) => number {
  const marks = Math.ceil(intervals / perMark) - 1;
  const between = intervals - 1 - marks;
  const late = intervals === 1 ? 0 : 1 - FIRST;
  const atMarks = marks === 0 ? 0 : between === 0 ? 1 : MARKS;
  return (interval) => {
    if (interval === 0) return 1 - late;
    if (interval >= intervals) return 0;
    return interval % perMark === 0 ? (late * atMarks) / marks : (late * (1 - atMarks)) / between;
  };
}

/** ln of what a start weighs, for each alternative. */
interface StartLogs {
  readonly first: readonly number[];
  readonly atMark: readonly number[];
  readonly between: readonly number[];
}

function startLogsOf({ alternatives }: StartDesign, plan: StartPlan): StartLogs {
  const share = startShares(plan);
  return {
    first: sharedList(alternatives.map(({ weight }) => logOf(plan.laterOnly ? 0 : weight * share(0)))),
    atMark: sharedList(alternatives.map(({ atMarks }) => logOf(atMarks * share(plan.perMark)))),
    between: sharedList(alternatives.map((one) => logOf(one.between * share(1)))),
  };
}

/**
 * `R <- (R + share * weight) * exp(increments)` over the intervals, for each alternative, in log space: the sum over all
 * starts of what was served from then on, whenever that became known. So a late outcome never dilutes a start that it is
 * older than, and the order in which blocks come changes no bit. The shares sum to 1, hence the evidence passes 1/alpha
 * with probability at most alpha, ever (Shiryaev's recursion with spending; Ville). Between the marks only great effects
 * get weight: small ones take minutes to show, and a start that is seconds off costs them nothing.
 * Memory is bounded by the plan: one number for each interval and alternative.
 */
export function createLateEvidence(design: StartDesign, plan: StartPlan, shelf = new NumberShelf()): LateEvidence {
  return new StartsInSpans(design, plan, shelf);
}

/**
 * A class, since there are very many: one object each, and not one for every function. The newest interval, which is most often
 * the one that grows, lies on the shelf: the statistics at its start (or that of one before it), its totals, and ln of what no block has reached.
 */
class StartsInSpans implements LateEvidence {
  readonly #shelf: NumberShelf;
  readonly #place: number;
  readonly #size: number;
  readonly #perMark: number;
  readonly #intervals: number;
  /** Intervals that have begun. */
  #used = 0;
  /** The statistics on the shelf are those at the start of this interval; -1 when they are not valid. */
  #headAt = -1;
  #clean = 0;
  /** Where statistics are computed. */
  readonly #at: Float64Array;
  /** From mark to mark: the statistics just before it, valid up to mark `clean`, then the totals of its older intervals. */
  #spans: Float64Array;
  readonly #first: readonly number[];
  readonly #atMark: readonly number[];
  readonly #between: readonly number[];
  readonly #laterOnly: boolean;

  constructor(design: StartDesign, plan: StartPlan, shelf: NumberShelf) {
    const size = design.alternatives.length;
    const { first, atMark, between } = startLogsOf(design, plan);
    this.#shelf = shelf;
    this.#place = shelf.take(2 * size + 1);
    this.#size = size;
    this.#perMark = plan.perMark;
    this.#intervals = plan.intervals;
    this.#at = scratchOf(size);
    this.#spans = NO_SPANS;
    this.#first = first;
    this.#atMark = atMark;
    this.#between = between;
    this.#laterOnly = plan.laterOnly === true;
  }

  add(interval: number, increments: ArrayLike<number>): void {
    const place = Math.min(this.#intervals - 1, Math.max(0, interval));
    if (place >= this.#used) this.#reach(place);
    const isNewest = place === this.#used - 1;
    const totals = isNewest ? this.#shelf.numbers : this.#spans;
    const row = isNewest ? this.#place + this.#size : this.#rowAt(place);
    for (let j = 0; j < this.#size; j++) totals[row + j]! += Math.floor(increments[j]! / GRAIN) * GRAIN;
    if (isNewest) return;
    if (place < this.#headAt) this.#headAt = -1;
    this.#clean = Math.min(this.#clean, Math.floor(place / this.#perMark));
  }

  log(): number {
    if (this.#used === 0) return this.#laterOnly ? logOf(this.#unspent(1)) : 0;
    this.#walk();
    return logAdd(logSumExp(this.#at), this.#shelf.numbers[this.#place + 2 * this.#size]!);
  }

  #spanAt(mark: number): number {
    return this.#size * mark * (1 + this.#perMark);
  }

  #rowAt(interval: number): number {
    const mark = Math.floor(interval / this.#perMark);
    return this.#size * (1 + interval + mark);
  }

  /** Begins an interval: the one before leaves the shelf. */
  #reach(place: number): void {
    const size = this.#size;
    const needed = this.#spanAt(Math.floor(place / this.#perMark) + 1);
    if (this.#spans.length < needed) {
      const most = this.#spanAt(Math.ceil(this.#intervals / this.#perMark));
      const grown = new Float64Array(Math.min(Math.ceil(needed * GROWTH), most));
      grown.set(this.#spans);
      this.#spans = grown;
    }
    const { numbers } = this.#shelf;
    const totals = this.#place + size;
    if (this.#used > 0) copy(numbers, totals, this.#spans, this.#rowAt(this.#used - 1), size);
    numbers.fill(0, totals, totals + size);
    this.#used = place + 1;
    numbers[totals + size] = logOf(this.#unspent(this.#used));
  }

  /** Takes `at` to the end of all intervals, from the newest place that is known. */
  #walk(): void {
    const at = this.#at;
    const newest = this.#used - 1;
    let interval = this.#headAt;
    if (interval >= 0) copy(this.#shelf.numbers, this.#place, at, 0, this.#size);
    else {
      const mark = Math.min(this.#clean, Math.floor(newest / this.#perMark));
      if (mark > 0) copy(this.#spans, this.#spanAt(mark), at, 0, this.#size);
      else at.fill(NOTHING);
      interval = mark * this.#perMark;
      this.#start(interval);
    }
    while (interval < newest) {
      this.#pass(this.#spans, this.#rowAt(interval));
      interval += 1;
      this.#start(interval);
    }
    if (this.#headAt < newest) {
      copy(at, 0, this.#shelf.numbers, this.#place, this.#size);
      this.#headAt = newest;
      this.#clean = Math.floor(newest / this.#perMark);
    }
    this.#pass(this.#shelf.numbers, this.#place + this.#size);
  }

  /** Takes `at` from just before an interval to its start. */
  #start(interval: number): void {
    const at = this.#at;
    const mark = Math.floor(interval / this.#perMark);
    const isMark = interval === mark * this.#perMark;
    if (isMark) copy(at, 0, this.#spans, this.#spanAt(mark), this.#size);
    const starts = interval === 0 ? this.#first : isMark ? this.#atMark : this.#between;
    for (let j = 0; j < at.length; j++) at[j] = logAdd(at[j]!, starts[j]!);
  }

  /** Takes `at` from the start of an interval to its end, by its totals. */
  #pass(totals: Float64Array, row: number): void {
    const at = this.#at;
    for (let j = 0; j < at.length; j++) at[j] = Math.max(NOTHING, at[j]! + totals[row + j]!);
  }

  /** What the starts weigh that no block has reached. */
  #unspent(used: number): number {
    const plan = { intervals: this.#intervals, perMark: this.#perMark };
    const share = startShares(plan);
    const marks = Math.ceil(plan.intervals / plan.perMark) - Math.ceil(used / plan.perMark);
    return marks * share(plan.perMark) + (plan.intervals - used - marks) * share(1);
  }
}

const NO_SPANS = new Float64Array(0);

/** Where statistics are computed, by their number: nothing is kept in them from one call to the next. */
const scratches = new Map<number, Float64Array>();

function scratchOf(size: number): Float64Array {
  const known = scratches.get(size) ?? new Float64Array(size);
  scratches.set(size, known);
  return known;
}

/** So many numbers; quicker than `set` for a dozen. */
function copy(from: ArrayLike<number>, at: number, to: { [place: number]: number }, place: number, size: number): void {
  for (let j = 0; j < size; j++) to[place + j] = from[at + j]!;
}

function logOf(weight: number): number {
  return weight > 0 ? Math.log(weight) : NOTHING;
}

function logAdd(a: number, b: number): number {
  const high = Math.max(a, b);
  return high === NOTHING ? NOTHING : high + Math.log1p(Math.exp(Math.min(a, b) - high));
}
