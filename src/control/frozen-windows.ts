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
  const freezing = createFreezing(stable);
  freezing.take(samples.filter(({ bucket }) => bucket + 1000 <= until));
  const found = new Map(freezing.windows().map((window) => [window.signal, window]));
  return signals.map(({ name }) => found.get(name) ?? { signal: name, n: 0, k: 0 });
}

/** Sums stable's counts up to a frozen window for each signal that had any. */
export interface Freezing {
  take(samples: readonly Sample[]): void;
  windows(): readonly FrozenWindow[];
}

/** Sums of one signal, or of one group of it. */
interface Sums {
  n: number;
  k: number;
  readonly cells: Map<number, number>;
}

export function createFreezing(stable: ReleaseId): Freezing {
  const signals = new Map<string, { readonly whole: Sums; readonly groups: Map<string, Sums> }>();
  return {
    take(samples) {
      for (const sample of samples) {
        const { release, signal, group } = sample;
        if (release !== stable) continue;
        const sums = signals.get(signal) ?? { whole: noSums(), groups: new Map() };
        signals.set(signal, sums);
        const own = group === undefined ? sums.whole : (sums.groups.get(group) ?? noSums());
        if (group !== undefined) sums.groups.set(group, own);
        addSample(own, sample);
      }
    },
    windows: () =>
      [...signals].map(([signal, { whole, groups }]) => {
        const each = [...groups].map(([group, sums]) => [group, countsOf(sums)] as const);
        return { signal, ...countsOf(whole), ...(each.length > 0 ? { groups: Object.fromEntries(each) } : {}) };
      }),
  };
}

const noSums = (): Sums => ({ n: 0, k: 0, cells: new Map() });

function addSample(sums: Sums, { n, k, cells = [] }: Sample): void {
  sums.n += n;
  sums.k += k;
  for (const [cell, count] of cells) sums.cells.set(cell, (sums.cells.get(cell) ?? 0) + count);
}

function countsOf({ n, k, cells }: Sums): Pick<FrozenWindow, "n" | "k" | "cells"> {
  return { n, k, ...(cells.size > 0 ? { cells: [...cells].sort(([a], [b]) => a - b) } : {}) };
}
