import type { Instant, Milliseconds } from "../core/time.ts";
import type { Run } from "./run.ts";

/** For so long at least counts are judged as often as can be, however short the planned steps are. */
const FAST: Milliseconds = 600_000;
/** In a long holdback counts of one second are judged together. */
const SLOWEST: Milliseconds = 1000;

/**
 * How long counts are gathered before they are judged: `judgeMs` while the release goes out as planned; later as much
 * longer as the watch is older, up to a second. So a holdback of weeks is a bounded number of cohorts, and the wait stays
 * the same small part of what was watched. It depends on the age alone: no outcome moves the border of a cohort.
 */
export function judgingSpan({ playbook: { how }, settings: { judgeMs } }: Pick<Run, "playbook" | "settings">) {
  const fast = Math.max(FAST, how.each * how.steps.length);
  return (from: Instant, now: Instant): Milliseconds =>
    Math.min(Math.max(SLOWEST, judgeMs), judgeMs * Math.max(1, (now - from) / fast));
}

/** Is what was done last done again, once a span? Also when the clock was set back to before it. */
export function isDue(now: Instant, last: Instant, span: Milliseconds): boolean {
  return now < last || now - last >= span;
}

/** Looks further apart than this were not close enough for what lies between them to have been watched. */
const AWAY_MS: Milliseconds = 5000;

/**
 * What a loop has not watched: its clock was set ahead, or it stood still. Of the time between two looks no more counts than
 * `AWAY_MS`. Time that a clock which was set back adds is watched once more.
 */
export class Unwatched {
  #last: Instant | undefined;
  #gaps: readonly { readonly from: Instant; readonly span: Milliseconds }[] = [];

  look(now: Instant): void {
    const last = this.#last ?? now;
    // A clock that is set back takes back what it was set ahead by.
    this.#gaps = this.#gaps.filter(({ from, span }) => from + span <= now);
    if (now - last > AWAY_MS) this.#gaps = [...this.#gaps, { from: last, span: now - last - AWAY_MS }];
    this.#last = now;
  }

  /** The moment from which `now` is as far away as was watched since then. */
  after(moment: Instant): Instant {
    return this.#gaps.reduce((sum, { from, span }) => (moment <= from ? sum + span : sum), moment);
  }
}
