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
const SURE = 20;
/** From this age on bad ones are late; so many, and so much more than twice stable's part, and early ones look too good. */
const BAD_LATE: Milliseconds = 3000;
const SOME = 3;
const MORE = 0.1;

/** What is known of one arm. */
export interface Arrivals {
  readonly n: number;
  readonly bad: number;
  /** Bad ones that came after more than three seconds. */
  readonly badLate: number;
  /** By age, how many had it when they came. */
  readonly late: Float64Array;
}

/** Nodes may deliver so much after one another: what they say is put in order before it is looked at. */
const ORDER: Milliseconds = 2000;

/**
 * Do outcomes of the candidate become known later than stable's? `apartSince` depends on the candidate's late outcomes and on
 * stable's, and on nothing else of the candidate: one more bad outcome can only make it sooner (law 2). Where both arms
 * report with the same delay, late outcomes are shared out as requests are: then the arms are ever seen apart with a
 * probability of about e^-20 at each age, one in ten million for all.
 */
export class Lateness {
  readonly candidate: Writable<Arrivals> = nothing();
  readonly reference: Writable<Arrivals> = nothing();
  readonly #share: number;
  /** Late outcomes of the candidate and of stable, by age, up to the second that was looked at last. */
  readonly #late = [new Float64Array(AGES.length), new Float64Array(AGES.length)] as const;
  /** Those of later seconds, by the second in which they became known. */
  readonly #coming = new Map<number, readonly [own: Float64Array, other: Float64Array]>();
  #newest = Number.NEGATIVE_INFINITY;
  #apartSince: Instant | undefined;

  /** @param share the greatest that the candidate gets */
  constructor(share: number) {
    const odds = (TIMES * share) / (1 - share);
    this.#share = odds / (1 + odds);
  }

  see({ n, k, bucket, known = bucket }: Sample, isCandidate: boolean, bad: number): void {
    const arm = isCandidate ? this.candidate : this.reference;
    const age = known - bucket;
    // Requests that were counted before and get their `part` now have none of their own.
    const count = Math.max(n, k);
    arm.n += count;
    arm.bad += bad;
    this.#newest = Math.max(this.#newest, known);
    if (age < AGES[0]!) return;
    if (age >= BAD_LATE) arm.badLate += bad;
    addLate(arm.late, age, count);
    if (this.#apartSince !== undefined) return;
    const second = Math.floor(known / SECOND);
    const coming = this.#coming.get(second) ?? [new Float64Array(AGES.length), new Float64Array(AGES.length)];
    this.#coming.set(second, coming);
    addLate(coming[isCandidate ? 0 : 1], age, count);
  }

  /** From which moment on outcomes are those of arms that are apart; it is later than anything that was seen before it was known. */
  apartSince(): Instant | undefined {
    if (this.#apartSince !== undefined || this.#coming.size === 0) return this.#apartSince;
    const due = [...this.#coming.keys()].filter((second) => second * SECOND + SECOND + ORDER <= this.#newest);
    for (const second of due.sort((a, b) => a - b)) {
      const coming = this.#coming.get(second)!;
      this.#coming.delete(second);
      for (const [arm, late] of this.#late.entries())
        for (let i = 0; i < AGES.length; i++) late[i]! += coming[arm]![i]!;
      if (!AGES.some((_, index) => this.#isSureAt(index))) continue;
      this.#coming.clear();
      this.#apartSince = second * SECOND + SECOND + ORDER;
      break;
    }
    return this.#apartSince;
  }

  /** Are the bad outcomes of the candidate the late ones, so that those which come early look better than the whole? */
  get isBadLate(): boolean {
    const part = ({ bad, badLate }: Arrivals) => (bad === 0 ? 0 : badLate / bad);
    return this.candidate.badLate >= SOME && part(this.candidate) > 2 * part(this.reference) + MORE;
  }

  #isSureAt(index: number): boolean {
    const [own, other] = this.#late.map((late) => late[index]!) as [number, number];
    const part = own / (own + other);
    if (!(part > this.#share)) return false;
    const rest = other === 0 ? 0 : other * Math.log((1 - part) / (1 - this.#share));
    return own * Math.log(part / this.#share) + rest >= SURE;
  }
}

function addLate(late: Float64Array, age: Milliseconds, count: number): void {
  for (let index = 0; index < AGES.length && age >= AGES[index]!; index++) late[index]! += count;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function nothing(): Writable<Arrivals> {
  return { n: 0, bad: 0, badLate: 0, late: new Float64Array(AGES.length) };
}

/** The part of an arm's outcomes that were as old as this, one of the ages, or older when they came. */
export function partAfter(age: Milliseconds, { n, late }: Arrivals): number {
  return n === 0 ? 0 : late[AGES.indexOf(age)]! / n;
}

/** The least of the ages by which this part of an arm's outcomes have come; the greatest where even that is too little. */
export function ageOf(part: number, { n, late }: Arrivals): Milliseconds {
  return AGES.find((_, index) => late[index]! <= (1 - part) * n) ?? AGES.at(-1)!;
}
