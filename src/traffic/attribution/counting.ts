import { bucketOf, meanPlaceOf } from "../../core/cells.ts";
import type { Signal } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Instant } from "../../core/time.ts";
import type { Row, Tallies } from "./tallies.ts";
import type { CountedUnit, Units } from "./units.ts";

/** What is told of one signal for one request, or for one arm. */
export interface Told {
  readonly n: number;
  readonly k: number;
  /** Of a signal of values; then `n` is how many there are. */
  readonly values?: readonly number[];
  /** As samples name them. */
  readonly groups?: readonly string[];
  /** The unit's name, for a signal with `per`. */
  readonly unit?: string;
}

/** Adds what is told to the rows of its second. */
export type Counting = (signal: number, second: number, release: ReleaseId, told: Told, now: Instant) => void;

const NONE: readonly string[] = [];

/**
 * By unit: `n` is 1 in the second of the request whose outcome came first, and a unit that turns bad later is bad in that
 * same second, in a later sample of `n` 0. With `better: down` its `k` is 1. With `better: up` the unit counted in `k`
 * as long as every outcome was good, so its later `k` is -1: the sums are right, and so is `n - k`, the bad ones.
 */
export function createCounting(signals: readonly Signal[], tallies: Tallies, units: Units): Counting {
  function add(signal: number, second: number, release: ReleaseId, groups: readonly string[], told: Told): void {
    addTo(tallies.row(second, release, signal), signals[signal]!, told);
    for (const group of groups) addTo(tallies.row(second, release, signal, group), signals[signal]!, told);
  }

  function addUnit(signal: number, second: number, release: ReleaseId, told: Told, now: Instant): void {
    const { better } = signals[signal]!;
    const { unit = "", groups = NONE } = told;
    if (told.n === 0 && told.k === 0) return;
    const before = units.recall(unit, signal, second, now);
    const bad = better === "up" ? told.k < told.n : told.k > 0;
    if (!before) {
      const counted: CountedUnit = { second, groups, bad };
      units.keep(unit, signal, counted, now);
      const k = (better === "up") === bad ? 0 : 1;
      add(
        signal,
        second,
        release,
        groups,
        told.values ? { ...told, n: 1, values: told.values.slice(0, 1) } : { n: 1, k },
      );
    } else if (bad && !before.bad && !told.values) {
      before.bad = true;
      add(signal, before.second, release, before.groups, { n: 0, k: better === "up" ? -1 : 1 });
    }
  }

  return (signal, second, release, told, now) => {
    if (signals[signal]!.per === undefined) add(signal, second, release, told.groups ?? NONE, told);
    else addUnit(signal, second, release, told, now);
  };
}

function addTo(row: Row, signal: Signal, { n, k, values }: Told): void {
  row.n += n;
  row.k += k;
  if (!values) return;
  for (const value of values) {
    if (signal.kind === "time") addCell(row, bucketOf(signal.unit === "milliseconds" ? value / 1000 : value), 1);
    else {
      const { below, upper } = meanPlaceOf(value, signal.range);
      addCell(row, below, 1 - upper);
      addCell(row, below + 1, upper);
    }
  }
}

export function addCell({ cells }: Pick<Row, "cells">, cell: number, count: number): void {
  if (count > 0) cells.set(cell, (cells.get(cell) ?? 0) + count);
}
