import type { Playbook } from "../core/playbook.ts";
import type { ReleaseId } from "../core/release.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";

/** Stable's counts of each signal, of the seconds that were over by `until`. */
export function frozenWindows(
  { signals }: Pick<Playbook, "signals">,
  samples: readonly Sample[],
  stable: ReleaseId,
  until: Instant = Number.POSITIVE_INFINITY,
): readonly FrozenWindow[] {
  const own = samples.filter(({ release, bucket }) => release === stable && bucket + 1000 <= until);
  return signals.map(({ name }) => windowOf(name, own));
}

/** Sums of one signal, or of one group of it, while they grow. */
export interface Sums {
  n: number;
  k: number;
  readonly cells: Map<number, number>;
}

export const noSums = (): Sums => ({ n: 0, k: 0, cells: new Map() });

export function addSample(sums: Sums, { n, k, cells = [] }: Sample): void {
  sums.n += n;
  sums.k += k;
  for (const [cell, count] of cells) sums.cells.set(cell, (sums.cells.get(cell) ?? 0) + count);
}

function windowOf(signal: string, samples: readonly Sample[]): FrozenWindow {
  const whole = noSums();
  const groups = new Map<string, Sums>();
  for (const sample of samples) {
    const { group } = sample;
    if (sample.signal !== signal) continue;
    const sums = group === undefined ? whole : (groups.get(group) ?? noSums());
    if (group !== undefined) groups.set(group, sums);
    addSample(sums, sample);
  }
  return frozenOf(signal, whole, groups);
}

export function frozenOf(signal: string, whole: Sums, groups: ReadonlyMap<string, Sums>): FrozenWindow {
  const each = [...groups].map(([group, sums]) => [group, countsOf(sums)] as const);
  return { signal, ...countsOf(whole), ...(each.length > 0 ? { groups: Object.fromEntries(each) } : {}) };
}

function countsOf({ n, k, cells }: Sums): Pick<FrozenWindow, "n" | "k" | "cells"> {
  return { n, k, ...(cells.size > 0 ? { cells: [...cells].sort(([a], [b]) => a - b) } : {}) };
}
