import type { ReleaseId } from "../core/release.ts";
import type { Sample } from "../core/sample.ts";
import { formatDuration, type Instant, type Milliseconds } from "../core/time.ts";
import { NO_DOUBTS } from "./instruments/instrument.ts";

/** How far an arm's reports have come: what was known by then has been heard. */
export interface Watermark {
  /** @param now the moment of whoever asks: a sample's, or a judgement's */
  at(now: Instant): Instant;
  /** From here on nobody is waited for, and the clock alone moves it. */
  readonly byClockFrom: Instant;
}

/** Of who reports all the time the next report comes within this. */
const GAP: Milliseconds = 2000;
/** What has gathered during a silence is delivered within this once the silence is over. */
const BACKLOG: Milliseconds = 5000;

/** Nothing of stable for so long is worth saying, by the minute, if it is so many times its longest silence before. */
const SILENT: Milliseconds = 60_000;
const USUAL = 2;
/** An arm that has no more requests has no more outcomes once all of them have matured, and so long after that. */
const GRACE: Milliseconds = 60_000;

/**
 * Follows the reports of one arm. After a silence the mark stays where it was until what has gathered meanwhile is delivered:
 * somebody who was cut off, or stood still, has outcomes of before. Who reports rarely is always silent, and the mark is then
 * one report behind. It depends on when this arm was heard of, and on nothing else.
 */
export class Reports implements Watermark {
  #heard = Number.NEGATIVE_INFINITY;
  /** Where the mark stands during a backlog, and when that began. */
  #before = Number.NEGATIVE_INFINITY;
  #resumed = Number.NEGATIVE_INFINITY;
  #first = Number.POSITIVE_INFINITY;
  /** The longest time without a report, before the newest one. */
  #longest: Milliseconds = 0;
  #servesUntil: Instant = Number.POSITIVE_INFINITY;
  readonly #patience: Milliseconds;

  /** @param patience so long an arm without requests has to be silent until nobody waits for its reports */
  constructor(patience: Milliseconds = 0) {
    this.#patience = patience;
  }

  /** The arm has no requests from this moment on. */
  end(at: Instant): void {
    this.#servesUntil = at;
  }

  get byClockFrom(): Instant {
    return Math.max(this.#servesUntil, this.#heard + this.#patience);
  }

  /** When something of it became known last. */
  get heard(): Instant {
    return this.#heard;
  }

  /** When something of it became known first. */
  get first(): Instant {
    return this.#first;
  }

  /** The longest time without a report so far. */
  get longest(): Milliseconds {
    return this.#longest;
  }

  hear(known: Instant): void {
    // Whoever said so had a clock that was ahead, or it was set back.
    const isBack = known < this.#heard - BACKLOG;
    if (known <= this.#heard && !isBack) return;
    if (isBack) this.#before = Math.min(this.#before, known);
    if (isBack) this.#resumed = known;
    if (!isBack && known - this.#heard > GAP && this.#heard !== Number.NEGATIVE_INFINITY) {
      this.#before = this.#heard;
      this.#resumed = known;
    }
    if (this.#first === Number.POSITIVE_INFINITY) this.#first = known;
    else if (!isBack) this.#longest = Math.max(this.#longest, known - this.#heard);
    this.#heard = known;
  }

  at(now: Instant): Instant {
    if (now >= this.byClockFrom) return now;
    return this.#heard - this.#resumed >= BACKLOG ? this.#heard : this.#before;
  }
}

/** The reports of both arms of a comparison. */
export class ArmReports {
  readonly candidate = new Reports();
  readonly reference: Reports;
  /** Of whoever is later. */
  readonly both: Watermark = {
    at: (now) => Math.min(this.candidate.at(now), this.reference.at(now)),
    byClockFrom: Number.POSITIVE_INFINITY,
  };

  /** @param maturity how old seconds are when they are compared */
  constructor(maturity: Milliseconds) {
    this.reference = new Reports(maturity + GRACE);
  }

  /**
   * What waits for stable is doubted once nothing was reported of it for a minute while something was of the candidate, and for
   * twice as long as ever before.
   */
  doubts(now: Instant): readonly string[] {
    const { heard, longest, byClockFrom } = this.reference;
    if (now >= byClockFrom) return NO_DOUBTS;
    const silence = this.candidate.heard - Math.max(heard, Math.min(this.candidate.first, this.candidate.heard));
    if (!(silence >= SILENT && silence > USUAL * longest)) return NO_DOUBTS;
    const minutes = formatDuration(Math.floor(silence / SILENT) * SILENT);
    return [`nothing was reported of stable for ${minutes}, and outcomes wait to be compared with its own`];
  }

  hear(batch: readonly Sample[], candidate: ReleaseId): void {
    for (const { release, bucket, known = bucket + 1000 } of batch)
      this[release === candidate ? "candidate" : "reference"].hear(known);
  }
}

/** Nobody is waited for. */
export const BY_CLOCK: Watermark = { at: (now) => now, byClockFrom: Number.NEGATIVE_INFINITY };
