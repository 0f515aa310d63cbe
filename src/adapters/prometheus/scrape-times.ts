import type { Instant } from "../../core/time.ts";
import { type Series, targetOf } from "./series.ts";

/** When each target was scraped, as its series tell. */
export interface ScrapeTimes {
  note(series: readonly Series[]): void;
  before(target: string, at: Instant): Instant | undefined;
}

/** The longest look back: later series are judged by the scrape before them. */
const KEPT = 2000;
/** A target that was silent for so long is new when it comes back. */
const REMEMBERED = 24 * 3_600_000;

export function createScrapeTimes(): ScrapeTimes {
  const times = new Map<string, Instant[]>();
  let newest = Number.NEGATIVE_INFINITY;
  return {
    note(series) {
      const fresh = new Map<string, Set<Instant>>();
      for (const { labels, points } of series) {
        const target = targetOf(labels);
        if (target === undefined) continue;
        const seen = fresh.get(target) ?? new Set(times.get(target));
        for (const [at] of points) seen.add(at);
        if (seen.size > 0) fresh.set(target, seen);
      }
      for (const [target, seen] of fresh) times.set(target, [...seen].sort((a, b) => a - b).slice(-KEPT));
      newest = Math.max(newest, ...[...fresh.keys()].map((target) => times.get(target)?.at(-1) ?? newest));
      for (const [target, seen] of times) if (seen.at(-1)! < newest - REMEMBERED) times.delete(target);
    },
    before: (target, at) => times.get(target)?.findLast((time) => time < at),
  };
}

/** Looks up when a counter began: series of times whose labels are all labels of the counter speak for it. */
export function createCreatedTimes(series: readonly Series[]): {
  created(labels: Readonly<Record<string, string>>, at: Instant): Instant | undefined;
} {
  const byTarget = Map.groupBy(series, ({ labels }) => targetOf(labels) ?? "");
  return {
    created(labels, at) {
      for (const { labels: own, points } of byTarget.get(targetOf(labels) ?? "") ?? []) {
        const speaks = Object.entries(own).every(([key, value]) => key === "__name__" || labels[key] === value);
        const seconds = speaks ? Number(points.find(([time]) => time === at)?.[1]) : Number.NaN;
        if (Number.isFinite(seconds)) return Math.round(seconds * 1000);
      }
      return undefined;
    },
  };
}
