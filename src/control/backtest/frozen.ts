import type { ReleaseId } from "../../core/release.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";

/** Sums stable's counts of before the exposure up to a frozen window for each signal that had any. */
export interface Freezing {
  take(samples: readonly Sample[]): void;
  windows(): readonly FrozenWindow[];
}

interface Sums {
  n: number;
  k: number;
  readonly cells: Map<number, number>;
  readonly groups: Map<string, { n: number; k: number }>;
}

export function createFreezing(stable: ReleaseId): Freezing {
  const signals = new Map<string, Sums>();
  return {
    take(samples) {
      for (const { release, signal, group, n, k, cells } of samples) {
        if (release !== stable) continue;
        const sums = signals.get(signal) ?? { n: 0, k: 0, cells: new Map(), groups: new Map() };
        signals.set(signal, sums);
        const sum = group === undefined ? sums : (sums.groups.get(group) ?? { n: 0, k: 0 });
        if (group !== undefined) sums.groups.set(group, sum);
        sum.n += n;
        sum.k += k;
        if (group !== undefined) continue;
        for (const [cell, count] of cells ?? []) sums.cells.set(cell, (sums.cells.get(cell) ?? 0) + count);
      }
    },
    windows: () =>
      [...signals].map(([signal, { n, k, cells, groups }]) => ({
        signal,
        n,
        k,
        ...(cells.size > 0 ? { cells: [...cells].sort(([a], [b]) => a - b) } : {}),
        ...(groups.size > 0 ? { groups: Object.fromEntries(groups) } : {}),
      })),
  };
}
