import type { ReleaseId } from "../../core/release.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";
import { addSample, frozenOf, noSums, type Sums } from "../frozen-windows.ts";

/** Sums stable's counts of before the exposure up to a frozen window for each signal that had any. */
export interface Freezing {
  take(samples: readonly Sample[]): void;
  windows(): readonly FrozenWindow[];
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
    windows: () => [...signals].map(([signal, { whole, groups }]) => frozenOf(signal, whole, groups)),
  };
}
