import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
/** Outcomes are late from the first of these ages on, from the beginning of their request's second, and told apart by all. */
const AGES: readonly Milliseconds[] = [
  ...[1.5, 2, 3, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7].map((count) => count * DAY),
];
/** Up to so many times as many late ones as its share of the requests may be an accident of who asks what. */
const TIMES = 2;
/** ln of how much likelier the arms' late outcomes are where the candidate's come later than stable's. */
const SURE = 10;
/** Beside a candidate that gets all requests there is nothing to compare it with. */
const MOST = 0.99;
/** Candidates that waited in vain for an outcome of stable in their second: so many, and such a part of all that it has, or should have. */
const STRANDED = 30;
const STRANDED_PART = 0.2;
/** Stable's own bad ones are the late ones: so many, and such a part more than of all its outcomes. */
const BAD_ONES = 10;
const BAD_MORE = 0.2;
/** From this age on bad ones are late; so many, and so much more than twice stable's part, and early ones look too good. */
export const BAD_LATE: Milliseconds = 3000;
const SOME = 3;
const MORE = 0.1;

/**
 * `apart`: the candidate's outcomes come later than stable's. `stranded`: they come when stable's of the same second are
 * compared already, or at another node. `bad-late`: stable's bad outcomes come later than its others.
 */
export type Cause = "apart" | "stranded" | "bad-late";

/** What is known of one arm. */
export interface Arrivals {
  readonly n: number;
  readonly bad: number;
  /** By age, how many had it when they came, and how many of those were bad. */
  readonly late: Float64Array;
  readonly badLate: Float64Array;
}

/** The shares that the candidate is planned to get one after the other, none of them sooner. */
export interface PlannedShares {
  readonly shares: readonly number[];
  readonly each: Milliseconds;
}

/** Late outcomes of requests of one planned step, by age. */
type LateOfArms = readonly [own: Float64Array, other: Float64Array];

interface Coming {
  readonly step: number;
  readonly arm: 0 | 1;
  readonly age: Milliseconds;
  readonly count: number;
}

/** Nodes may deliver so much after one another: what they say is put in order before it is looked at. */
const ORDER: Milliseconds = 2000;
/** Of so many seconds, while nothing of stable comes and nothing can be told. */
const KEPT = 3600;

/**
 * Do outcomes of the candidate become known later than stable's? Where both arms report with the same delay, the late ones of
 * each planned step are shared out at most as its requests are planned to be. `apartSince` depends on the candidate's late
 * and stranded outcomes and on stable's, and on nothing else of the candidate: one more bad outcome can only make it sooner (law 2). What
 * is wrongly found apart, about one rollout in twenty thousand for each age and step, is looked at again for nothing.
 */
export class Lateness {
  readonly candidate: Writable<Arrivals> = nothing();
  readonly reference: Writable<Arrivals> = nothing();
  readonly #planned: PlannedShares;
  readonly #from: Instant;
  /** By planned step, up to the second that was looked at last. */
  readonly #late: LateOfArms[] = [];
  /** Those of later seconds, by the second in which they became known. */
  readonly #coming = new Map<number, Coming[]>();
  /** The newest moment in which something of stable became known. */
  #newest = Number.NEGATIVE_INFINITY;
  #apartSince: Instant | undefined;
  #cause: Cause | undefined;
  /** So many outcomes the candidate has at most, by the plan. */
  #expected = 0;
  /** So many of its outcomes are good; without an end where none is called bad. */
  #good = 0;

  /** @param from when the first of the planned shares began */
  constructor(planned: PlannedShares, from: Instant) {
    this.#planned = planned;
    this.#from = from;
  }

  see({ n, k, bucket, known = bucket }: Sample, isCandidate: boolean, bad: number | undefined): void {
    const arm = isCandidate ? this.candidate : this.reference;
    const age = known - bucket;
    // Requests that were counted before and get their `part` now have none of their own.
    const count = Math.max(n, k);
    arm.n += count;
    arm.bad += bad ?? 0;
    // Not all that it has: one more bad outcome would raise that.
    if (isCandidate) this.#good += bad === undefined ? Number.POSITIVE_INFINITY : count - bad;
    if (!isCandidate) this.#seeStable(bucket, known, count);
    if (age < AGES[0]!) return;
    addLate(arm.late, age, count);
    if (bad !== undefined) addLate(arm.badLate, age, bad);
    if (this.#apartSince !== undefined) return;
    const second = Math.floor(known / SECOND);
    const coming = this.#coming.get(second) ?? [];
    this.#coming.set(second, coming);
    if (this.#coming.size > KEPT) this.#coming.delete(this.#coming.keys().next().value!);
    coming.push({ step: this.#stepOf(bucket), arm: isCandidate ? 0 : 1, age, count });
  }

  /**
   * From which moment on outcomes are looked at again: nothing of before is. @param stranded outcomes of the candidate that
   * nothing of stable was compared with
   */
  apartSince(stranded: number): Instant | undefined {
    if (this.#apartSince !== undefined) return this.#apartSince;
    this.#cause = this.#isStranded(stranded)
      ? "stranded"
      : this.#isStableBadLate()
        ? "bad-late"
        : this.#isApart()
          ? "apart"
          : undefined;
    if (this.#cause === undefined) return;
    this.#coming.clear();
    this.#apartSince = Math.ceil(this.#newest / SECOND) * SECOND;
    return this.#apartSince;
  }

  /** Why outcomes are looked at again. */
  get cause(): Cause | undefined {
    return this.#cause;
  }

  /** Are stable's bad outcomes the late ones? Then early ones of either arm say little of it. */
  #isStableBadLate(): boolean {
    const { n, bad, late, badLate } = this.reference;
    if (badLate[0]! < BAD_ONES) return false;
    return AGES.some((_, index) => badLate[index]! >= BAD_ONES && badLate[index]! / bad - late[index]! / n > BAD_MORE);
  }

  #isStranded(stranded: number): boolean {
    return stranded >= STRANDED && stranded > STRANDED_PART * Math.min(this.#expected, this.#good);
  }

  #seeStable(bucket: Instant, known: Instant, count: number): void {
    this.#newest = Math.max(this.#newest, known);
    const share = Math.min(MOST, this.#planned.shares[this.#stepOf(bucket)]!);
    this.#expected += (count * share) / (1 - share);
  }

  #isApart(): boolean {
    const due = [...this.#coming.keys()].filter((second) => second * SECOND + SECOND + ORDER <= this.#newest);
    for (const second of due.sort((a, b) => a - b)) {
      for (const { step, arm, age, count } of this.#coming.get(second)!) {
        this.#late[step] ??= [byAge(), byAge()];
        addLate(this.#late[step][arm], age, count);
      }
      this.#coming.delete(second);
      if (AGES.some((_, index) => this.#isSureAt(index))) return true;
    }
    return false;
  }

  /** Are the bad outcomes of the candidate the late ones, so that those which come early look better than the whole? */
  get isBadLate(): boolean {
    const [own, other] = [badAfter(BAD_LATE, this.candidate), badAfter(BAD_LATE, this.reference)];
    return this.candidate.badLate[AGES.indexOf(BAD_LATE)]! >= SOME && own > 2 * other + MORE;
  }

  #stepOf(bucket: Instant): number {
    const { shares, each } = this.#planned;
    return Math.max(0, Math.min(shares.length - 1, Math.floor((bucket - this.#from) / each)));
  }

  #isSureAt(index: number): boolean {
    const sure = this.#late.reduce((sum, late, step) => {
      const [own, other] = late.map((counts) => counts[index]!) as [number, number];
      return sum + gainOver(Math.min(MOST, this.#planned.shares[step]!), own, other);
    }, 0);
    return sure >= SURE;
  }
}

/** ln of how much likelier these late outcomes are by their own shares than by `TIMES` the odds of this one; at least 0. */
function gainOver(share: number, own: number, other: number): number {
  const odds = (TIMES * share) / (1 - share);
  const most = odds / (1 + odds);
  const part = own / (own + other);
  if (!(part > most)) return 0;
  return own * Math.log(part / most) + (other === 0 ? 0 : other * Math.log((1 - part) / (1 - most)));
}

function byAge(): Float64Array {
  return new Float64Array(AGES.length);
}

function addLate(late: Float64Array, age: Milliseconds, count: number): void {
  for (let index = 0; index < AGES.length && age >= AGES[index]!; index++) late[index]! += count;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function nothing(): Writable<Arrivals> {
  return { n: 0, bad: 0, late: byAge(), badLate: byAge() };
}

/** The part of an arm's outcomes that were as old as this, one of the ages, or older when they came. */
export function partAfter(age: Milliseconds, { n, late }: Arrivals): number {
  return n === 0 ? 0 : late[AGES.indexOf(age)]! / n;
}

/** The part of an arm's bad outcomes that were as old as this, one of the ages, or older when they came. */
export function badAfter(age: Milliseconds, { bad, badLate }: Arrivals): number {
  return bad === 0 ? 0 : badLate[AGES.indexOf(age)]! / bad;
}

/** The least of the ages by which this part of an arm's outcomes have come; the greatest where even that is too little. */
export function ageOf(part: number, { n, late }: Arrivals): Milliseconds {
  return AGES.find((_, index) => late[index]! <= (1 - part) * n) ?? AGES.at(-1)!;
}
