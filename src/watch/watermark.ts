import type { ReleaseId } from "../core/release.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { EvaluatorSetup } from "./evaluator.ts";

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
  readonly #expectedUntil: Instant;
  readonly #patience: Milliseconds;

  /**
   * @param expectedUntil from when on the arm may have no requests any more: then nobody waits for its reports once it has been
   * silent for `patience`
   */
  constructor(expectedUntil = Number.POSITIVE_INFINITY, patience: Milliseconds = 0) {
    this.#expectedUntil = expectedUntil;
    this.#patience = patience;
  }

  get byClockFrom(): Instant {
    return Math.max(this.#expectedUntil, this.#heard + this.#patience);
  }

  /** When something of it became known last. */
  get heard(): Instant {
    return this.#heard;
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
  constructor({ planned, from }: Pick<EvaluatorSetup, "planned" | "from">, maturity: Milliseconds) {
    const all = planned?.shares.findIndex((share) => share >= 1) ?? -1;
    this.reference = new Reports(all < 0 ? undefined : from + all * planned!.each, maturity + GRACE);
  }

  /** For so long nothing was reported of stable while something was of the candidate; 0 where nobody waits for that. */
  silence(now: Instant): Milliseconds {
    const { heard, byClockFrom } = this.reference;
    if (heard === Number.NEGATIVE_INFINITY || now >= byClockFrom) return 0;
    return Math.max(0, this.candidate.heard - heard);
  }

  hear(batch: readonly Sample[], candidate: ReleaseId): void {
    for (const { release, bucket, known = bucket + 1000 } of batch)
      this[release === candidate ? "candidate" : "reference"].hear(known);
  }
}

/** Nobody is waited for. */
export const BY_CLOCK: Watermark = { at: (now) => now, byClockFrom: Number.NEGATIVE_INFINITY };
