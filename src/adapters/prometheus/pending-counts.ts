import type { ReleaseId } from "../../core/release.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";

export interface BucketCounts {
  readonly bucket: Instant;
  readonly release: ReleaseId;
  readonly n: number;
  readonly k: number;
}

/** Counts of one signal that wait until their scrape step is over, so that both arms of a step arrive together. */
export interface PendingCounts {
  add(release: ReleaseId, at: Instant, counts: { readonly n?: number; readonly k?: number }): void;
  /** Hands over the steps that ended before this; counts of a release that is withheld go on waiting. */
  take(endedBy: Instant, withheld: (release: ReleaseId) => boolean): readonly BucketCounts[];
  /** How many of `part` wait for an `of` to belong to. */
  readonly surplus: number;
  /** How many of `part` the last `take` gave up: nothing came that they could belong to. */
  readonly dropped: number;
}

const MOST_WAITING = 20_000;
/** So many steps, and at least this long, a surplus may wait: longer than the moments of two scrapes can lie apart. */
const SURPLUS_STEPS = 4;
const SURPLUS_MS: Milliseconds = 60_000;

/**
 * `part` of a share never exceeds its `of` in what is handed over: when the two were not scraped at one moment, the
 * surplus waits for the next steps of the release that have room. What finds none was no part of this whole, and would
 * colour later steps that it has nothing to do with: it is left out and told.
 */
export function createPendingCounts(kind: "share" | "count", step: () => Milliseconds): PendingCounts {
  const waiting = new Map<string, { bucket: Instant; release: ReleaseId; n: number; k: number }>();
  const carried = new Map<ReleaseId, { readonly k: number; readonly since: Instant }>();
  let dropped = 0;

  function fitted(row: { n: number; k: number; readonly release: ReleaseId; readonly bucket: Instant }): void {
    const before = carried.get(row.release);
    const k = row.k + (before?.k ?? 0);
    row.k = kind === "share" ? Math.min(k, row.n) : k;
    if (k > row.k) carried.set(row.release, { k: k - row.k, since: before?.since ?? row.bucket });
    else carried.delete(row.release);
  }

  function giveUp(now: Instant): void {
    const patience = Math.max(SURPLUS_MS, SURPLUS_STEPS * step());
    dropped = 0;
    for (const [release, { k, since }] of carried) {
      if (since + patience > now) continue;
      carried.delete(release);
      dropped += k;
    }
  }

  return {
    get surplus() {
      return [...carried.values()].reduce((sum, { k }) => sum + k, 0);
    },
    get dropped() {
      return dropped;
    },
    add(release, at, { n = 0, k = 0 }) {
      const bucket = Math.floor(at / step()) * step();
      const key = `${bucket} ${release}`;
      const row = waiting.get(key) ?? { bucket, release, n: 0, k: 0 };
      row.n += n;
      row.k += k;
      waiting.set(key, row);
      if (waiting.size <= MOST_WAITING) return;
      // Withheld for very long: the oldest step joins the next, so that memory is bounded and no count is lost.
      const [oldestKey, oldest] = [...waiting].reduce((a, b) => (b[1].bucket < a[1].bucket ? b : a));
      const next = [...waiting.values()].find((other) => other.release === oldest.release && other !== oldest);
      if (!next) return;
      waiting.delete(oldestKey);
      next.n += oldest.n;
      next.k += oldest.k;
    },
    take(endedBy, withheld) {
      const ready = [...waiting]
        .filter(([, { bucket, release }]) => bucket + step() <= endedBy && !withheld(release))
        .sort(([, a], [, b]) => a.bucket - b.bucket);
      for (const [key, row] of ready) {
        waiting.delete(key);
        fitted(row);
      }
      giveUp(endedBy);
      return ready.map(([, row]) => row).filter(({ n, k }) => n > 0 || k > 0);
    },
  };
}
