import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { type Cohort, freshCohort, join } from "./cohort.ts";
import type { Watermark } from "./watermark.ts";

/** The cohorts of so long wait for reports that do not come; then a tenth is dropped, the oldest first: nobody keeps an outage for ever. */
const KEPT: Milliseconds = 86_400_000;
/** Steps through empty seconds cost less than to put all that waits in order. */
const STEPS = 10_000;
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
    let missed = 0;
    // By time and not by looking through all: labels of days hold hundreds of thousands of seconds.
    while (this.#cohorts.size > 0 && this.#deadlineOf(this.#oldest) <= mark) {
      const number = this.#oldest / this.#span;
      const cohort = this.#cohorts.get(number);
      this.#oldest += this.#span;
      if (cohort) {
        this.#cohorts.delete(number);
        ripe.push(cohort);
      } else if (++missed > STEPS + this.#cohorts.size) {
        this.#findOldest();
        missed = 0;
      }
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
    const most = (KEPT + this.#maturity) / this.#span;
    if (this.#cohorts.size <= most) return;
    for (const number of this.#inOrder().slice(0, most / 10)) this.#cohorts.delete(number);
    this.#findOldest();
  }

  /** Whose clock was wrong may have said something of years ago. */
  #findOldest(): void {
    this.#oldest = (this.#inOrder()[0] ?? Number.POSITIVE_INFINITY) * this.#span;
  }

  #inOrder(): readonly number[] {
    return [...this.#cohorts.keys()].sort((a, b) => a - b);
  }
}
