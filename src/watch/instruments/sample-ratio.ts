import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { logSumExp, NOTHING } from "../../statistics/recursion.ts";
import { type ClosingCounts, createClosingCounts } from "./closing-counts.ts";
import { byNode } from "./closing-seconds.ts";
import { DOUBTFUL, type Instrument, NO_DOUBTS, REQUESTS_OF_ONE } from "./instrument.ts";
import { type ShareStretch, startStretch } from "./share-stretch.ts";

export interface SampleRatio extends Instrument {
  /**
   * From this moment on the candidate is planned to get this share of requests, 0 to 1; a repeated share is no change.
   * A clock that was set back changes no order: what is told later was planned later.
   * @throws RangeError for a share that is none
   */
  exposed(at: Instant, share: number): void;
}

export interface SampleRatioSetup {
  /** The signal whose `n` counts every request of both arms: best one of the gateway. */
  readonly signal: string;
  /** What `n` counts, for people: "requests". */
  readonly of?: string;
  readonly candidate: ReleaseId;
  readonly reference: ReleaseId;
  /** What is counted comes in lumps of up to so many, all in one arm: 20 requests of a person, 1 where `n` counts persons. */
  readonly lump?: number;
  /** Requests are counted when they are so much older than the latest: a candidate that is slower by more is missed. 10 s. */
  readonly mature?: Milliseconds;
  /** Seconds so near a change of the share are left out, and a step more of a source that is polled in steps. 3 s. */
  readonly around?: Milliseconds;
}

/** After so many expected requests of the smaller arm the test starts anew, so that a long healthy past is no excuse. */
const STRETCH = 10_000;
/** Shares that are remembered, for requests that become known late. */
const REMEMBERED = 64;
const SECOND: Milliseconds = 1000;
/** Nobody polls at longer steps. */
const MOST_STEP: Milliseconds = 3_600_000;

/** What one node has counted, and how it counts. */
interface Node {
  newest: Instant;
  /** How far its counts lie apart: a step of a polled source holds what was served up to a step before it. */
  step: Milliseconds;
  readonly seconds: ClosingCounts;
}

/** A shorter step is believed at once, and a longer one bit by bit: seconds without requests are no longer step. */
function advance(node: Node, bucket: Instant): void {
  if (bucket <= node.newest) return;
  if (node.newest > 0) node.step = Math.min(bucket - node.newest, 2 * node.step);
  node.newest = bucket;
}

/**
 * Are the arms drawn with their planned shares? Two one-sided e-processes, against "at most 1.2 times" and "at least 0.8
 * times" the planned share of the smaller arm, each to the power of 1/`lump` (see `REQUESTS_OF_ONE`), restarted at every
 * change of the share and after 10,000 expected requests of the smaller arm, the i-th start with weight 1/(i (i + 1)).
 *
 * Of a candidate's planned 5 %, about so many requests of both arms are needed (the median of seeded runs, persons making 1
 * to 20): 5,400 when it gets none, 140 when it gets all, 19,000 for double and 68,000 for half its share; a twentieth with
 * a `lump` of 1. In 550 healthy hours of 50 to 2000 requests a second it doubted none; with a `lump` of 1, 3 of 60.
 * A single key that makes a fifth of the smaller arm's requests or more is found too: then the arms really are unlike.
 */
export function createSampleRatio(setup: SampleRatioSetup): SampleRatio {
  const { of = "requests", lump = REQUESTS_OF_ONE, mature = 10_000, around = 3000 } = setup;
  const nodes = byNode((): Node => ({ newest: 0, step: MOST_STEP, seconds: createClosingCounts(mature) }));
  const shares: { readonly at: Instant; readonly share: number }[] = [];
  let stretch: ShareStretch | undefined;
  /** ln of the weighted sum of what earlier stretches have shown, and how many have begun. */
  let past = NOTHING;
  let begun = 0;
  let doubt: string | undefined;

  const evidence = () => (stretch ? logSumExp([past, stretch.log() - Math.log(begun * (begun + 1))]) : NOTHING);

  function count({ step }: Node, bucket: Instant, n: number, k: number): void {
    const apart = around + (step > SECOND ? step : 0);
    const planned = shares.findLast(({ at }) => bucket >= at - apart);
    if (!planned || bucket <= planned.at + apart || !(planned.share > 0 && planned.share < 1)) return;
    if (stretch && planned.at < stretch.at) return;
    if (stretch?.at !== planned.at || stretch.expected() >= STRETCH) {
      past = evidence();
      stretch = startStretch(planned.at, planned.share, lump);
      begun += 1;
    }
    if (!stretch.add(n, k)) return;
    if (!doubt && evidence() >= -Math.log(DOUBTFUL)) doubt = sentence(stretch, of);
  }

  return {
    exposed(at, share) {
      if (!(share >= 0 && share <= 1)) throw new RangeError(`A share of requests lies between 0 and 1, not ${share}.`);
      const last = shares.at(-1);
      if (last?.share === share) return;
      shares.push({ at: Math.max(at, last?.at ?? at), share });
      if (shares.length > REMEMBERED) shares.shift();
    },
    observe(batch) {
      if (doubt) return;
      const node = nodes(batch[0]?.node ?? "");
      for (const sample of batch) {
        if (!counts(sample, setup)) continue;
        advance(node, sample.bucket);
        const k = sample.release === setup.candidate ? sample.n : 0;
        // What comes later still belongs to its arm: a slow answer is a request like any other.
        if (!node.seconds.add(sample.bucket, sample.n, k)) count(node, sample.bucket, sample.n, k);
      }
      if (node.seconds.isDue(node.newest)) node.seconds.close(node.newest, (...second) => count(node, ...second));
    },
    doubts: () => (doubt ? [doubt] : NO_DOUBTS),
  };
}

function counts(sample: Sample, { signal, candidate, reference }: SampleRatioSetup): boolean {
  const { n, release } = sample;
  if (sample.signal !== signal || sample.group !== undefined || !(Number.isSafeInteger(n) && n > 0)) return false;
  return release === candidate || release === reference;
}

function sentence({ share, counts }: ShareStretch, of: string): string {
  const { n, k } = counts();
  const planned = `the candidate should get ${percent(share)} of ${of}`;
  if (k === 0) return `${planned} and none of it was counted, of ${n}`;
  if (k === n) return `${planned} and none of stable's was counted, of ${n}`;
  return `${planned} and gets ${percent(k / n)} (${k} of ${n})`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
