import type { Instant } from "../../core/time.ts";
import { countOf } from "./count-value.ts";
import { type Series, targetOf } from "./series.ts";

/** What a counter grew by between two of its samples. */
export interface Increment {
  readonly labels: Readonly<Record<string, string>>;
  /** Start of the span in which it grew. */
  readonly from: Instant;
  /** Time of the sample that told it. */
  readonly at: Instant;
  readonly count: number;
}

export interface CounterTrackOptions {
  /** A selector's series are counters of one process each: a fall is a reset. Else a fall tells nothing. */
  readonly exact: boolean;
  /** Does a series that appears at a target which was scraped before begin at zero? */
  readonly newSeries: "count" | "skip";
}

/** What is known beside the counters themselves. */
export interface Surroundings {
  /** Nothing later is taken of this target yet: its rest was not seen at the same moment. */
  readonly cut: (target: string | undefined) => Instant;
  /** The last moment before this one at which the target is known to have been scraped. */
  readonly scrapedBefore: (target: string, at: Instant) => Instant | undefined;
  /** When the counter began at zero, as the same scrape says. */
  readonly created: (labels: Readonly<Record<string, string>>, at: Instant) => Instant | undefined;
}

/** Follows the counters of one expression. Each sample counts once; what cannot be known is not counted. */
export interface CounterTrack {
  /** Where counting begins: values of before are no increments. */
  begin(series: readonly Series[], at: Instant, created: Surroundings["created"]): void;
  take(series: readonly Series[], around: Surroundings): readonly Increment[];
  /** Why samples of the last `take` could not be used. */
  readonly flaws: ReadonlySet<string>;
}

interface Known {
  /** NaN: there is a series, and its value is not known. */
  value: number;
  at: Instant;
  created: Instant | undefined;
}

/** A created time may lie this much after the scrape that tells it: the clocks of two machines. */
const CLOCK_TOLERANCE = 5000;
/** A series that was silent for so long is forgotten, and begins anew without an increment. */
const REMEMBERED = 24 * 3_600_000;
const MOST_SERIES = 100_000;

/**
 * Rules, each on the side of not inventing:
 *
 * - the first value of a series is no increment, unless its created time says that it began while we watched, or its
 *   target was scraped before without it and lost no other series in the same scrape (a label that was added to all
 *   series makes new names for old counters);
 * - a value below the last is a reset: the counter grew by the new value at least. A newer created time is a reset even
 *   when the value did not fall;
 * - a series that vanishes and comes back goes on from its last value;
 * - where a fall cannot be told from a vanished part of a sum, only rises above the highest value count.
 */
export function createCounterTrack({ exact, newSeries }: CounterTrackOptions): CounterTrack {
  const known = new Map<string, Known>();
  const lastScrapes = new Map<string, { at: Instant; ids: ReadonlySet<string> }>();
  const flaws = new Set<string>();
  let floor = 0;
  let newest = 0;

  /** Counts one sample; a first value needs `zeroAt`, the moment at which it is known to have been zero. */
  function count(id: string, labels: Series["labels"], at: Instant, value: number, around: Surroundings, zero: Zero) {
    const created = around.created(labels, at);
    const before = known.get(id);
    if (Number.isNaN(value)) {
      if (!before) known.set(id, { value, at, created });
      return undefined;
    }
    if (!before) {
      known.set(id, { value, at, created });
      const born = created !== undefined && created >= floor && created <= at + CLOCK_TOLERANCE;
      const from = born ? Math.min(created, at) : zero();
      return from === undefined ? undefined : { labels, from, at, count: value };
    }
    const { value: last, at: from, created: creation } = before;
    before.at = at;
    if (Number.isNaN(last)) {
      before.value = value;
      return undefined;
    }
    if (!exact) {
      if (value < last) {
        flaws.add("a sum fell: an instance restarted or vanished; nothing counts until it is past its highest value");
      }
      before.value = Math.max(last, value);
      return { labels, from, at, count: before.value - last };
    }
    const recreated =
      created !== undefined && creation !== undefined && created > creation && created <= at + CLOCK_TOLERANCE;
    const reset = recreated || value < last;
    before.value = value;
    // After a reset whose created time was not told, the old one would make the next sample look like another reset.
    if (created !== undefined || reset) before.created = created;
    return { labels, from, at, count: reset ? value : value - last };
  }

  return {
    flaws,
    begin(series, at, created) {
      floor = at;
      for (const { labels, points } of series) {
        const value = countOf(points.at(-1)?.[1]);
        const first = typeof value === "number" ? value : Number.NaN;
        known.set(idOf(labels), { value: first, at, created: created(labels, at) });
      }
    },
    take(series, around) {
      flaws.clear();
      const increments: Increment[] = [];
      for (const scrape of scrapesOf(series, floor, known, around.cut, flaws)) {
        const { target, at, samples } = scrape;
        const previous = target === undefined ? undefined : lastScrapes.get(target);
        const ids = new Set(samples.map(({ id }) => id));
        const zero = () => {
          if (target === undefined || newSeries === "skip" || !exact) return undefined;
          const from = around.scrapedBefore(target, at);
          return previous?.at === from && previous && !previous.ids.isSubsetOf(ids) ? undefined : from;
        };
        if (target !== undefined) lastScrapes.set(target, { at, ids });
        for (const { id, labels, value } of samples) {
          const increment = count(id, labels, at, value, around, zero);
          if (increment && increment.count > 0) increments.push(increment);
        }
        newest = Math.max(newest, at);
      }
      for (const memory of [known, lastScrapes]) {
        for (const [id, { at }] of memory) if (at < newest - REMEMBERED) memory.delete(id);
      }
      if (known.size > MOST_SERIES) flaws.add(`more than ${MOST_SERIES} series: narrow the selector`);
      return increments;
    },
  };
}

type Zero = () => Instant | undefined;

interface Scrape {
  readonly target: string | undefined;
  readonly at: Instant;
  readonly samples: { readonly id: string; readonly labels: Series["labels"]; readonly value: number }[];
}

/** Samples that were not taken yet, scrape by scrape, oldest first. */
function scrapesOf(
  series: readonly Series[],
  floor: Instant,
  known: ReadonlyMap<string, Known>,
  cut: Surroundings["cut"],
  flaws: Set<string>,
): readonly Scrape[] {
  const scrapes = new Map<string, Scrape>();
  for (const { labels, points } of series) {
    const id = idOf(labels);
    const target = targetOf(labels);
    const after = known.get(id)?.at ?? floor;
    const until = cut(target);
    for (const [at, text] of points) {
      if (at <= after || at > until) continue;
      const value = countOf(text);
      if (typeof value === "string") flaws.add(value);
      const key = `${at} ${target ?? id}`;
      const scrape = scrapes.get(key) ?? { target, at, samples: [] };
      scrapes.set(key, scrape);
      scrape.samples.push({ id, labels, value: typeof value === "string" ? Number.NaN : value });
    }
  }
  return [...scrapes.values()].sort((a, b) => a.at - b.at);
}

export function idOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
