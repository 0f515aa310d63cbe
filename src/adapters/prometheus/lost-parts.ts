import type { ReleaseId } from "../../core/release.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { type Series, targetOf } from "./series.ts";

/** Notices a target that goes on telling its `of` and stopped telling its `part`: that is not a part of zero. */
export interface LostParts {
  /** Releases of which a part is lost. */
  among(answers: { readonly of: readonly Series[]; readonly part: readonly Series[] }): ReadonlySet<ReleaseId>;
}

const REMEMBERED: Milliseconds = 24 * 3_600_000;

/** One scrape tells both at one moment, and `part` is asked last: it is never behind by itself. */
export function createLostParts(releaseOf: (labels: Series["labels"]) => ReleaseId | undefined): LostParts {
  const parts = new Map<string, Instant>();

  function newest(series: readonly Series[]): Map<string, { readonly release: ReleaseId; readonly at: Instant }> {
    const found = new Map<string, { release: ReleaseId; at: Instant }>();
    for (const { labels, points } of series) {
      const release = releaseOf(labels);
      const at = points.at(-1)?.[0];
      if (release === undefined || at === undefined) continue;
      const key = `${release} ${targetOf(labels) ?? ""}`;
      found.set(key, { release, at: Math.max(at, found.get(key)?.at ?? at) });
    }
    return found;
  }

  return {
    among({ of, part }) {
      for (const [key, { at }] of newest(part)) parts.set(key, Math.max(at, parts.get(key) ?? at));
      const lost = new Set<ReleaseId>();
      for (const [key, { release, at }] of newest(of)) {
        const last = parts.get(key);
        if (last === undefined) continue;
        if (at - last > REMEMBERED) parts.delete(key);
        else if (at > last) lost.add(release);
      }
      return lost;
    },
  };
}
