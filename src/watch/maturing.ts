import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { type Cohort, freshCohort, join } from "./cohort.ts";
import type { Watermark } from "./watermark.ts";

/** Cohorts wait so long for reports that do not come, and are dropped then: nobody keeps an outage for ever. */
const FORGOTTEN: Milliseconds = 86_400_000;
const NONE: readonly Cohort[] = Object.freeze([]);

/**
 * Cohorts that wait for their age: all that is known of a span of requests by then is one cohort, from whatever node it
 * came. It makes no difference which arm's outcomes, or whether good or bad ones, become known sooner. They are closed
 * when the reports that are waited for have come that far, and until then take in whatever comes of either arm: outcomes that
 * are held up in one arm's reports are not missed, and not compared with the late ones of the other.
 */
export class Maturing {
  readonly #span: Milliseconds;
  readonly #maturity: Milliseconds;
  readonly #mark: Watermark;
  /** By the number of their span: a small integer is a quick key. */
  readonly #cohorts = new Map<number, Cohort>();
  /** No cohort is older. */
  #oldest = Number.POSITIVE_INFINITY;
  /** When something became known last. */
  #newest = Number.NEGATIVE_INFINITY;

  constructor(span: Milliseconds, maturity: Milliseconds, mark: Watermark) {
    this.#span = span;
    this.#maturity = maturity;
    this.#mark = mark;
  }

  /** Takes a sample in, unless its cohort is closed; answers whether it did. */
  takes(sample: Sample, second: Instant, side: "candidate" | "reference"): boolean {
    const number = Math.floor(second / this.#span);
    const bucket = number * this.#span;
    const known = sample.known ?? sample.bucket + 1000;
    if (this.#mark.at(known) >= this.#deadlineOf(bucket)) return false;
    this.#oldest = Math.min(this.#oldest, bucket);
    this.#newest = Math.max(this.#newest, known);
    const cohort = this.#cohorts.get(number) ?? freshCohort(bucket);
    this.#cohorts.set(number, cohort);
    join(cohort[side], sample);
    this.#forget();
    return true;
  }

  ripen(now: Instant): readonly Cohort[] {
    if (this.#cohorts.size === 0) return NONE;
    const mark = this.#mark.at(now);
    const ripe: Cohort[] = [];
    // By time and not by looking through all: labels of days hold hundreds of thousands of seconds.
    for (; this.#cohorts.size > 0 && this.#deadlineOf(this.#oldest) <= mark; this.#oldest += this.#span) {
      const cohort = this.#cohorts.get(this.#oldest / this.#span);
      if (!cohort) continue;
      this.#cohorts.delete(this.#oldest / this.#span);
      ripe.push(cohort);
    }
    return ripe;
  }

  /** When the next one may be ripe, if no samples come. @param now of whoever asks */
  nextRipe(now: Instant): Instant {
    if (this.#cohorts.size === 0) return Number.POSITIVE_INFINITY;
    const deadline = this.#deadlineOf(this.#oldest);
    return this.#mark.at(now) >= deadline ? deadline : Math.max(deadline, this.#mark.byClockFrom);
  }

  #deadlineOf(bucket: Instant): Instant {
    return bucket + this.#span + this.#maturity;
  }

  #forget(): void {
    const before = this.#newest - this.#maturity - FORGOTTEN;
    for (; this.#oldest < before; this.#oldest += this.#span) this.#cohorts.delete(this.#oldest / this.#span);
  }
}
