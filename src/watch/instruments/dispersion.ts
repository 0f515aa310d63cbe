import type { Signal } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { addDispersion, type DispersionSums, dispersionOf, NO_DISPERSION } from "../../statistics/index.ts";
import { createClosingCounts } from "./closing-counts.ts";
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
  if (signal.per !== undefined) return QUIET;
  const wait = Math.min(WAIT_AT_MOST, Math.max(WAIT, signal.labels ?? 0));
  const seconds = createClosingCounts(wait);
  const scales = SPANS.map((span) => ({ pairing: pairUp(span), looked: PAIRS / 2 }));
  const badIsPart = signal.better === "down";
  let newest = 0;
  let doubt: string | undefined;

  function pair(bucket: Instant, n: number, k: number): void {
    for (const scale of scales) {
      const sums = scale.pairing(bucket, n, k);
      if (sums.pairs < 2 * scale.looked) continue;
      scale.looked = sums.pairs;
      const { atLeast } = dispersionOf(sums);
      if (atLeast > BURSTS) doubt ??= sentence(atLeast);
    }
  }

  return {
    observe(batch) {
      if (doubt) return;
      for (const sample of batch) {
        if (!isOwn(sample, signal, reference)) continue;
        newest = Math.max(newest, sample.bucket);
        seconds.add(sample.bucket, sample.n, badIsPart ? sample.k : sample.n - sample.k);
      }
      seconds.close(newest, pair);
    },
    doubts: () => (doubt ? [doubt] : NO_DOUBTS),
  };
}

/**
 * How many times the variance of independent outcomes there is at least, in the span where it is greatest; 1 where they
 * come one by one, undefined where there is too little to tell (fewer than 64 pairs of spans with bad outcomes).
 */
export function dispersionIn(samples: readonly Sample[], signal: Signal, release: ReleaseId): number | undefined {
  const seconds = new Map<Instant, Counts>();
  for (const sample of samples) {
    if (!isOwn(sample, signal, release)) continue;
    const counts = seconds.get(sample.bucket) ?? { n: 0, k: 0 };
    seconds.set(sample.bucket, counts);
    addTo(counts, sample, signal);
  }
  const order = [...seconds].sort(([a], [b]) => a - b);
  const told = SPANS.map((span) => {
    const pairing = pairUp(span);
    return order.reduce((_, [bucket, { n, k }]) => pairing(bucket, n, k), NO_DISPERSION);
  }).filter(({ pairs }) => pairs >= PAIRS);
  return told.length === 0 ? undefined : Math.max(1, ...told.map((sums) => dispersionOf(sums).atLeast));
}

interface Counts {
  n: number;
  k: number;
}

function isOwn({ signal, release, group, n, k }: Sample, own: Signal, arm: ReleaseId): boolean {
  const isShare = Number.isSafeInteger(n) && Number.isSafeInteger(k) && k >= 0 && k <= n;
  return signal === own.name && release === arm && group === undefined && isShare;
}

function addTo(counts: Counts, { n, k }: Sample, { better }: Signal): void {
  counts.n += n;
  counts.k += better === "down" ? k : n - k;
}

/** Takes seconds in order and joins them to spans of so many; each span makes a pair with the next, and is used once. */
function pairUp(span: number): (bucket: Instant, n: number, k: number) => DispersionSums {
  let sums = NO_DISPERSION;
  /** The span that is gathered, and the one before it while that waits for its pair. */
  let [at, n, k] = [Number.NaN, 0, 0];
  let [before, nBefore, kBefore] = [Number.NaN, 0, 0];
  return (bucket, more, bad) => {
    const now = Math.floor(bucket / 1000 / span);
    if (now !== at) {
      const adjoins = before === at - 1;
      if (adjoins) sums = addDispersion(sums, { n: nBefore, k: kBefore }, { n, k });
      [before, nBefore, kBefore] = adjoins ? [Number.NaN, 0, 0] : [at, n, k];
      [at, n, k] = [now, 0, 0];
    }
    n += more;
    k += bad;
    return sums;
  };
}

function sentence(atLeast: number): string {
  const times = `variance at least ${atLeast.toFixed(1)} times that of independent ones`;
  return `bad outcomes come in bursts (${times}): count by session or user with \`per\``;
}
