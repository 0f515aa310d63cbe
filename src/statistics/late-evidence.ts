import { logSumExp, NOTHING } from "./recursion.ts";

/** When the recursion starts anew: times are cut into `intervals` of equal length, each `perMark`-th one is a mark. */
export interface StartPlan {
  readonly intervals: number;
  readonly perMark: number;
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
/** Of the error budget, the share of the first start: the release itself is the likeliest moment of a change. */
export const FIRST = 0.69;
/** Of what later starts get, the share of the marks: a minute of an hour, where schedules and steps begin. */
const MARKS = 0.5;

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

/** ln of what the start before an interval weighs, for each alternative. */
function startLogs({ alternatives }: StartDesign, plan: StartPlan): (interval: number) => readonly number[] {
  const share = startShares(plan);
  const first = alternatives.map(({ weight }) => logOf(weight * share(0)));
  const atMark = alternatives.map(({ atMarks }) => logOf(atMarks * share(plan.perMark)));
  const between = alternatives.map((one) => logOf(one.between * share(1)));
  return (interval) => (interval === 0 ? first : interval % plan.perMark === 0 ? atMark : between);
}

/**
 * `R <- (R + share * weight) * exp(increments)` over the intervals, for each alternative, in log space: the sum over all
 * starts of what was served from then on, whenever that became known. So a late outcome never dilutes a start that it is
 * older than, and the order in which blocks come changes no bit. The shares sum to 1, hence the evidence passes 1/alpha
 * with probability at most alpha, ever (Shiryaev's recursion with spending; Ville). Between the marks only great effects
 * get weight: small ones take minutes to show, and a start that is seconds off costs them nothing.
 * Memory is bounded by the plan: one number for each interval and alternative.
 */
export function createLateEvidence(design: StartDesign, plan: StartPlan): LateEvidence {
  const size = design.alternatives.length;
  const startsBefore = startLogs(design, plan);
  let totals = new Float64Array(0);
  let used = 0;
  /** Statistics just before each mark; valid up to mark `clean`. */
  let known = new Float64Array(0);
  let clean = 0;
  /** Statistics just before interval `headAt`, which is most often the one that grows; -1 when they are not valid. */
  const head = new Float64Array(size);
  let headAt = -1;
  const at = new Float64Array(size);

  /** The interval to walk on from, with what is known before it in `at`. */
  function resume(): number {
    if (headAt >= 0) {
      at.set(head);
      return headAt;
    }
    at.fill(NOTHING);
    const mark = Math.min(clean, Math.floor((used - 1) / plan.perMark));
    if (mark > 0) at.set(known.subarray(mark * size, (mark + 1) * size));
    return mark * plan.perMark;
  }

  function step(interval: number): void {
    const starts = startsBefore(interval);
    if (interval % plan.perMark === 0) known.set(at, (interval / plan.perMark) * size);
    if (interval === used - 1) head.set(at);
    for (let j = 0; j < size; j++) at[j] = Math.max(NOTHING, logAdd(at[j]!, starts[j]!) + totals[interval * size + j]!);
  }

  return {
    add(interval, increments) {
      const place = Math.min(plan.intervals - 1, Math.max(0, interval));
      const mark = Math.floor(place / plan.perMark);
      used = Math.max(used, place + 1);
      totals = grown(totals, (mark + 1) * plan.perMark * size);
      known = grown(known, (mark + 1) * size);
      for (let j = 0; j < size; j++) totals[place * size + j]! += Math.floor(increments[j]! / GRAIN) * GRAIN;
      clean = Math.min(clean, mark);
      if (place < headAt) headAt = -1;
    },
    log() {
      if (used === 0) return 0;
      for (let interval = resume(); interval < used; interval++) step(interval);
      headAt = used - 1;
      clean = Math.floor(headAt / plan.perMark);
      return logAdd(logSumExp(at), logOf(unspent(plan, used)));
    },
  };
}

/** What the starts weigh that no block has reached. */
function unspent(plan: StartPlan, used: number): number {
  const share = startShares(plan);
  const marks = Math.ceil(plan.intervals / plan.perMark) - Math.ceil(used / plan.perMark);
  return marks * share(plan.perMark) + (plan.intervals - used - marks) * share(1);
}

function logOf(weight: number): number {
  return weight > 0 ? Math.log(weight) : NOTHING;
}

function logAdd(a: number, b: number): number {
  const high = Math.max(a, b);
  return high === NOTHING ? NOTHING : high + Math.log1p(Math.exp(Math.min(a, b) - high));
}

function grown(array: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  if (array.length >= length) return array;
  const larger = new Float64Array(length);
  larger.set(array);
  return larger;
}
