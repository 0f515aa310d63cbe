import type { Instant, Milliseconds } from "../../core/time.ts";
import type { Columns } from "./sample-table.ts";

/**
 * How long the span is that one row of each file stands for, in whole seconds: the least gap between two rows of the same
 * release and signal, where the file does not say it itself. Rows a minute apart count what happened in a minute.
 */
export function grainsOf(columns: Columns): readonly Milliseconds[] {
  return columns.files.map(({ grain }, file) => grain ?? leastGap(columns, file));
}

function leastGap(columns: Columns, file: number): Milliseconds {
  const series = new Map<string, Set<Instant>>();
  for (let row = 0; row < columns.at.length; row++) {
    if (columns.file.get(row) !== file || !Number.isNaN(columns.known.get(row))) continue;
    const key = `${columns.release.get(row)}/${columns.signal.get(row)}`;
    const seconds = series.get(key) ?? new Set<Instant>();
    series.set(key, seconds);
    seconds.add(Math.floor(columns.at.get(row) / 1000) * 1000);
  }
  let least = Number.POSITIVE_INFINITY;
  for (const seconds of series.values()) {
    const times = Float64Array.from(seconds).sort();
    for (let place = 1; place < times.length; place++) least = Math.min(least, times[place]! - times[place - 1]!);
  }
  return Number.isFinite(least) ? least : 1000;
}
