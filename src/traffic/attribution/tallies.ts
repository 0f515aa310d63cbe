import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import type { Instant } from "../../core/time.ts";
import type { Stretches } from "./stretches.ts";

/** Counts since the last `take` of one signal for one second and release, or of one group of it. To be added to. */
export interface Row {
  readonly signal: string;
  readonly endedAt: Stretches["endedAt"] | undefined;
  readonly group: string | undefined;
  n: number;
  k: number;
  readonly cells: Map<number, number>;
}

/** Sums per (second, release, signal, group) since the last `take`. */
export interface Tallies {
  /** Without a group: of the whole signal. */
  row(second: number, release: ReleaseId, signal: number, group?: string): Row;
  /** All rows that are not zero, oldest second first, under one sequence: they arrived together, and are known now. */
  take(known: Instant): Sample[];
}

/** By the signal's index, or that and a group. */
type Rows = Map<number | string, Row>;

/** `endedAt`: of a signal whose rows tell when requests ended. Memory is (seconds since the last take) × releases × rows; a late outcome opens its own second again. */
export function createTallies(
  node: string,
  signals: readonly { readonly name: string; readonly endedAt?: Stretches["endedAt"] }[],
  firstSequence: number,
): Tallies {
  let sequence = firstSequence;
  let seconds = new Map<number, Map<ReleaseId, Rows>>();
  const newRow = (signal: number, group: string | undefined): Row => ({
    signal: signals[signal]!.name,
    endedAt: signals[signal]!.endedAt,
    group,
    n: 0,
    k: 0,
    cells: new Map(),
  });
  return {
    row(second, release, signal, group) {
      const key = group === undefined ? signal : `${signal} ${group}`;
      const found = seconds.get(second)?.get(release)?.get(key);
      if (found) return found;
      const releases = opened(seconds, second, () => new Map<ReleaseId, Rows>());
      const rows = opened(releases, release, (): Rows => new Map());
      return opened(rows, key, () => newRow(signal, group));
    },
    take(known) {
      const taken = [...seconds].sort(([a], [b]) => a - b);
      seconds = new Map();
      const samples: Sample[] = [];
      for (const [second, releases] of taken) {
        for (const [release, rows] of releases) {
          for (const { signal, endedAt, group, n, k, cells } of rows.values()) {
            if (n === 0 && k === 0) continue;
            const key = { node, sequence, bucket: second * 1000, signal, release };
            samples.push({
              ...key,
              n,
              k,
              known: endedAt?.(second, known) ?? known,
              ...(group === undefined ? {} : { group }),
              ...cellsOf(cells),
            });
          }
        }
      }
      if (samples.length > 0) sequence += 1;
      return samples;
    },
  };
}

function opened<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function cellsOf(cells: Row["cells"]): Pick<Sample, "cells"> {
  return cells.size === 0 ? {} : { cells: [...cells].sort(([a], [b]) => a - b) };
}
