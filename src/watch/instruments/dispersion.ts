import type { Signal } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import {
  addDispersion,
  type DispersionSums,
  dispersionOf,
  type GroupCounts,
  NO_DISPERSION,
  NumberShelf,
} from "../../statistics/index.ts";
import { type ClosingCounts, createClosingCounts } from "./closing-counts.ts";
import { type Instrument, NO_DOUBTS, QUIET } from "./instrument.ts";

/** Above this, outcomes are not independent enough for tests of requests. */
const BURSTS = 1.2;
/** Adjoining spans so long are compared, in seconds: a person's bad outcomes may take a while. */
const SPANS = [1, 4, 16] as const;
/** The bound is an approximation for many pairs; it is looked at again when they have doubled, so that looks are few. */
const PAIRS = 64;
/** How long outcomes of a second are waited for: for its labels, but no longer than an hour. */
const WAIT: Milliseconds = 60_000;
const WAIT_AT_MOST: Milliseconds = 3_600_000;

export interface DispersionSetup {
  readonly signal: Signal;
  readonly reference: ReleaseId;
  readonly shelf?: NumberShelf | undefined;
}

/**
 * Do stable's bad outcomes come in bursts, as where one person's requests fail together? Then requests are no independent
 * observations, and the promise about false alarms does not hold: bursts of two make it 19 % where 1 % was promised. Told
 * from stable alone, by how unevenly its bad outcomes fall into adjoining spans of 1, 4 and 16 s. Slower changes that all
 * requests share, such as a daily cycle or an outage, are no bursts; a common fault that comes and goes within seconds, again
 * and again, looks like them.
 *
 * In 450 seeded healthy hours none was doubted; bursts of two, 5 of 1000 requests a second being bad, are found in about five
 * minutes. A signal that is counted `per` person is never doubted.
 */
export function watchDispersion({ signal, reference, shelf = new NumberShelf() }: DispersionSetup): Instrument {
  return signal.per === undefined ? new DispersionWatch(signal, reference, shelf) : QUIET;
}

/** A class, since there are very many: one object each, and not one for every function. */
class DispersionWatch implements Instrument {
  readonly #signal: Signal;
  readonly #reference: ReleaseId;
  readonly #seconds: ClosingCounts;
  readonly #shelf: NumberShelf;
  /** Of the newest second on the shelf, and of the pairings behind it. */
  readonly #place: number;
  #doubts = NO_DOUBTS;

  constructor(signal: Signal, reference: ReleaseId, shelf: NumberShelf) {
    this.#shelf = shelf;
    this.#place = shelf.take(1 + SPANS.length * PAIRING);
    this.#signal = signal;
    this.#reference = reference;
    this.#seconds = createClosingCounts(Math.min(WAIT_AT_MOST, Math.max(WAIT, signal.labels ?? 0)));
  }

  observe(batch: readonly Sample[]): void {
    if (this.#doubts.length > 0) return;
    const { numbers } = this.#shelf;
    for (const sample of batch) {
      if (!isOwn(sample, this.#signal, this.#reference)) continue;
      if (sample.bucket > numbers[this.#place]!) numbers[this.#place] = sample.bucket;
      this.#seconds.add(sample.bucket, sample.n, badIn(sample, this.#signal));
    }
    const newest = numbers[this.#place]!;
    if (this.#seconds.isDue(newest)) this.#seconds.close(newest, (bucket, n, k) => this.#pair(bucket, n, k));
  }

  doubts(): readonly string[] {
    return this.#doubts;
  }

  #pair(bucket: Instant, n: number, k: number): void {
    const { numbers } = this.#shelf;
    for (let scale = 0; scale < SPANS.length; scale++) {
      const place = this.#place + 1 + scale * PAIRING;
      pair(numbers, place, SPANS[scale]!, bucket, n, k);
      const pairs = numbers[place + SUMS]!;
      if (pairs < Math.max(PAIRS, 2 * numbers[place + LOOKED]!)) continue;
      numbers[place + LOOKED] = pairs;
      const { atLeast } = dispersionOf(sumsAt(numbers, place));
      if (atLeast > BURSTS && this.#doubts.length === 0) this.#doubts = [sentence(atLeast)];
    }
  }
}

/**
 * How many times the variance of independent outcomes there is at least, in the span where it is greatest; 1 where they
 * come one by one, undefined where there is too little to tell (fewer than 64 pairs of spans with bad outcomes).
 */
export function dispersionIn(samples: readonly Sample[], signal: Signal, release: ReleaseId): number | undefined {
  const seconds = new Map<Instant, GroupCounts>();
  for (const sample of samples) {
    if (!isOwn(sample, signal, release)) continue;
    const { n, k } = seconds.get(sample.bucket) ?? { n: 0, k: 0 };
    seconds.set(sample.bucket, { n: n + sample.n, k: k + badIn(sample, signal) });
  }
  const order = [...seconds].sort(([a], [b]) => a - b);
  const told = SPANS.map((span) => {
    const pairing = new Float64Array(PAIRING);
    for (const [bucket, { n, k }] of order) pair(pairing, 0, span, bucket, n, k);
    return sumsAt(pairing, 0);
  }).filter(({ pairs }) => pairs >= PAIRS);
  return told.length === 0 ? undefined : Math.max(1, ...told.map((sums) => dispersionOf(sums).atLeast));
}

function isOwn({ signal, release, group, n, k }: Sample, own: Signal, arm: ReleaseId): boolean {
  const isShare = Number.isSafeInteger(n) && Number.isSafeInteger(k) && k >= 0 && k <= n;
  return signal === own.name && release === arm && group === undefined && isShare;
}

function badIn({ n, k }: Sample, { better }: Signal): number {
  return better === "down" ? k : n - k;
}

/**
 * Places in the numbers of a pairing: the span that is gathered, by its number, from 1 on, and 0 while there is none; then the
 * one before it while that waits for its pair; how many pairs there were when they were looked at; and the sums.
 */
const [AT, N, K, BEFORE, N_BEFORE, K_BEFORE, LOOKED, SUMS, PAIRING] = [0, 1, 2, 3, 4, 5, 6, 7, 13] as const;

/** Takes seconds in order and joins them to spans of so many; each span makes a pair with the next, and is used once. */
function pair(to: Float64Array, place: number, span: number, bucket: Instant, n: number, k: number): void {
  const now = 1 + Math.floor(bucket / 1000 / span);
  if (now !== to[place + AT]) {
    const adjoins = to[place + BEFORE]! > 0 && to[place + BEFORE] === to[place + AT]! - 1;
    if (adjoins) addPair(to, place);
    to[place + BEFORE] = adjoins ? 0 : to[place + AT]!;
    to[place + N_BEFORE] = to[place + N]!;
    to[place + K_BEFORE] = to[place + K]!;
    to[place + AT] = now;
    to[place + N] = 0;
    to[place + K] = 0;
  }
  to[place + N]! += n;
  to[place + K]! += k;
}

function addPair(to: Float64Array, place: number): void {
  const before = { n: to[place + N_BEFORE]!, k: to[place + K_BEFORE]! };
  const more = addDispersion(NO_DISPERSION, before, { n: to[place + N]!, k: to[place + K]! });
  to[place + SUMS]! += more.pairs;
  to[place + SUMS + 1]! += more.w;
  to[place + SUMS + 2]! += more.wz;
  to[place + SUMS + 3]! += more.ww;
  to[place + SUMS + 4]! += more.wwz;
  to[place + SUMS + 5]! += more.wwzz;
}

function sumsAt(numbers: Float64Array, place: number): DispersionSums {
  const [pairs, w, wz, ww, wwz, wwzz] = numbers.subarray(place + SUMS, place + PAIRING);
  return { pairs: pairs!, w: w!, wz: wz!, ww: ww!, wwz: wwz!, wwzz: wwzz! };
}

function sentence(atLeast: number): string {
  const times = `variance at least ${atLeast.toFixed(1)} times that of independent ones`;
  return `bad outcomes come in bursts (${times}): count by session or user with \`per\``;
}
