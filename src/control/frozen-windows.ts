import { maturityOf, type Playbook } from "../core/playbook.ts";
import type { ReleaseId } from "../core/release.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";

/**
 * Stable's counts of each signal, of the seconds whose outcomes were known for certain by `until`: those of a younger one
 * are not all there, and would make stable look better, or worse, than it is.
 */
export function maturedWindows(
  { signals }: Pick<Playbook, "signals">,
  samples: readonly Sample[],
  stable: ReleaseId,
  until: Instant,
): readonly FrozenWindow[] {
  const ageOf = agesOf(signals);
  const freezing = createFreezing(stable);
  freezing.take(samples.filter(({ signal, bucket }) => bucket + ageOf(signal) + 1000 <= until));
  const found = new Map(freezing.windows().map((window) => [window.signal, window]));
  return signals.map(({ name }) => found.get(name) ?? { signal: name, n: 0, k: 0 });
}

/** By name, how old a second must be; 0 of a signal that the playbook does not have any more. */
export function agesOf(signals: Playbook["signals"]): (signal: string) => Milliseconds {
  const ages = new Map(signals.map((signal) => [signal.name, maturityOf(signal)]));
  return (signal) => ages.get(signal) ?? 0;
}

/** Sums stable's counts up to a frozen window for each signal that had any. */
export interface Freezing {
  take(samples: readonly Sample[]): void;
  windows(): readonly FrozenWindow[];
}

/** Sums of one signal, or of one group of it. */
export interface Sums {
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

export const noSums = (): Sums => ({ n: 0, k: 0, cells: new Map() });

export function addSample(sums: Sums, { n, k, cells = [] }: Sample): void {
  sums.n += n;
  sums.k += k;
  for (const [cell, count] of cells) sums.cells.set(cell, (sums.cells.get(cell) ?? 0) + count);
}

export function countsOf({ n, k, cells }: Sums): Pick<FrozenWindow, "n" | "k" | "cells"> {
  return { n, k, ...(cells.size > 0 ? { cells: [...cells].sort(([a], [b]) => a - b) } : {}) };
}
