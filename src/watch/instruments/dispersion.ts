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
} from "../../statistics/index.ts";
import { type ClosingCounts, createClosingCounts } from "./closing-counts.ts";
import { type Instrument, NO_DOUBTS, QUIET } from "./instrument.ts";

/** Above this, outcomes are not independent enough for tests of requests. */
const BURSTS = 1.2;
/** Adjoining spans so long are compared, in seconds: a person's bad outcomes may take a while. */
const SPANS = [1, 4, 16] as const;
/** The bound is an approximation for many pairs; it is looked at again when they have doubled, so that looks are few. */
const PAIRS = 64;
const NO_SPAN = -1;
/** How long outcomes of a second are waited for: for its labels, but no longer than an hour. */
const WAIT: Milliseconds = 60_000;
const WAIT_AT_MOST: Milliseconds = 3_600_000;

export interface DispersionSetup {
  readonly signal: Signal;
  readonly reference: ReleaseId;
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
export function watchDispersion({ signal, reference }: DispersionSetup): Instrument {
  return signal.per === undefined ? new DispersionWatch(signal, reference) : QUIET;
}

/** A class, since there are very many: one object each, and not one for every function. */
class DispersionWatch implements Instrument {
  readonly #signal: Signal;
  readonly #reference: ReleaseId;
  readonly #seconds: ClosingCounts;
  readonly #scales = SPANS.map((span) => ({ pairing: new Pairing(span), looked: PAIRS / 2 }));
  #newest = 0;
  #doubts = NO_DOUBTS;

  constructor(signal: Signal, reference: ReleaseId) {
    this.#signal = signal;
    this.#reference = reference;
    this.#seconds = createClosingCounts(Math.min(WAIT_AT_MOST, Math.max(WAIT, signal.labels ?? 0)));
  }

  observe(batch: readonly Sample[]): void {
    if (this.#doubts.length > 0) return;
    for (const sample of batch) {
      if (!isOwn(sample, this.#signal, this.#reference)) continue;
      if (sample.bucket > this.#newest) this.#newest = sample.bucket;
      this.#seconds.add(sample.bucket, sample.n, badIn(sample, this.#signal));
    }
    if (this.#seconds.isDue(this.#newest)) this.#seconds.close(this.#newest, (...second) => this.#pair(...second));
  }

  doubts(): readonly string[] {
    return this.#doubts;
  }

  #pair(bucket: Instant, n: number, k: number): void {
    for (const scale of this.#scales) {
      const sums = scale.pairing.add(bucket, n, k);
      if (sums.pairs < 2 * scale.looked) continue;
      scale.looked = sums.pairs;
      const { atLeast } = dispersionOf(sums);
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
    const pairing = new Pairing(span);
    return order.reduce((_, [bucket, { n, k }]) => pairing.add(bucket, n, k), NO_DISPERSION);
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

/** Takes seconds in order and joins them to spans of so many; each span makes a pair with the next, and is used once. */
class Pairing {
  readonly #span: number;
  #sums = NO_DISPERSION;
  /** The span that is gathered, by its number; none yet. */
  #at = NO_SPAN;
  #n = 0;
  #k = 0;
  /** The one before it while that waits for its pair. */
  #before = NO_SPAN;
  #nBefore = 0;
  #kBefore = 0;

  constructor(span: number) {
    this.#span = span;
  }

  add(bucket: Instant, n: number, k: number): DispersionSums {
    const now = Math.floor(bucket / 1000 / this.#span);
    if (now !== this.#at) {
      const adjoins = this.#before !== NO_SPAN && this.#before === this.#at - 1;
      if (adjoins)
        this.#sums = addDispersion(this.#sums, { n: this.#nBefore, k: this.#kBefore }, { n: this.#n, k: this.#k });
      this.#before = adjoins ? NO_SPAN : this.#at;
      this.#nBefore = this.#n;
      this.#kBefore = this.#k;
      this.#at = now;
      this.#n = 0;
      this.#k = 0;
    }
    this.#n += n;
    this.#k += k;
    return this.#sums;
  }
}

function sentence(atLeast: number): string {
  const times = `variance at least ${atLeast.toFixed(1)} times that of independent ones`;
  return `bad outcomes come in bursts (${times}): count by session or user with \`per\``;
}
