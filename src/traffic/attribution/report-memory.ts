import type { Instant, Milliseconds } from "../../core/time.ts";

/** What has been reported for a request, by index of the name; NaN where nothing has. */
export type Reported = number[];

/** Remembers what each request has reported, so that a repeated report counts once. */
export interface ReportMemory {
  recall(id: string, now: Instant): Reported | undefined;
  keep(id: string, reported: Reported, now: Instant): void;
  readonly size: number;
}

/** Forgets a request `span` after its first report, and the oldest ones when there are more than `most`. */
export function createReportMemory(span: Milliseconds, most: number): ReportMemory {
  const entries = new Map<string, { readonly since: Instant; readonly reported: Reported }>();
  const forget = (now: Instant): void => {
    for (const [id, { since }] of entries) {
      if (since + span > now && entries.size <= most) return;
      entries.delete(id);
    }
  };
  return {
    recall(id, now) {
      forget(now);
      return entries.get(id)?.reported;
    },
    keep(id, reported, now) {
      if (!entries.has(id)) entries.set(id, { since: now, reported });
      forget(now);
    },
    get size() {
      return entries.size;
    },
  };
}
