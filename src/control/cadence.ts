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
