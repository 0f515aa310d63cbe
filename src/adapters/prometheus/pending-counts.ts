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
  let held = new Set<ReleaseId>();
  let dropped = 0;

  function fitted(row: { n: number; k: number; readonly release: ReleaseId; readonly bucket: Instant }): void {
    const before = carried.get(row.release);
    const k = row.k + (before?.k ?? 0);
    row.k = kind === "share" ? Math.min(k, row.n) : k;
    if (k > row.k) carried.set(row.release, { k: k - row.k, since: before?.since ?? row.bucket });
    else carried.delete(row.release);
  }

  /**
   * Nobody will know in which of the steps that were withheld their `part` happened, and what tells it at last comes in
   * a later one: they all become one, the newest of each release.
   */
  function join(keys: readonly string[]): void {
    const newest = new Map<ReleaseId, { n: number; k: number }>();
    for (const key of keys.toReversed()) {
      const row = waiting.get(key)!;
      const into = newest.get(row.release);
      if (!into) {
        newest.set(row.release, row);
        continue;
      }
      into.n += row.n;
      into.k += row.k;
      waiting.delete(key);
    }
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
    },
    take(endedBy, withheld) {
      const ended = [...waiting]
        .filter(([, { bucket }]) => bucket + step() <= endedBy)
        .sort(([, a], [, b]) => a.bucket - b.bucket);
      join(ended.filter(([, { release }]) => held.has(release) || withheld(release)).map(([key]) => key));
      held = new Set(ended.map(([, { release }]) => release).filter(withheld));
      const ready = ended.filter(([key, { release }]) => waiting.has(key) && !withheld(release));
      for (const [key, row] of ready) {
        waiting.delete(key);
        fitted(row);
      }
      giveUp(endedBy);
      return ready.map(([, row]) => row).filter(({ n, k }) => n > 0 || k > 0);
    },
  };
}
