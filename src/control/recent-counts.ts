import type { Playbook } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { addSample, agesOf, countsOf, noSums, type Sums } from "./frozen-windows.ts";

/** Counts of the last while, of each signal for as much longer as its outcomes take to be known for certain. */
export interface RecentCounts {
  add(samples: readonly Sample[], now: Instant): void;
  /** Summed up; the second of each is the last one that it may hold. */
  samples(): readonly Sample[];
  clear(): void;
}

/** So many slots hold the time that outcomes take: 100 s or less in seconds, two days in half hours. */
const SLOTS = 100;

interface Slot extends Pick<Sample, "signal" | "release" | "group" | "bucket"> {
  readonly sums: Sums;
}

/** @param span how long counts are remembered once they are known for certain */
export function createRecentCounts({ signals }: Pick<Playbook, "signals">, span: Milliseconds): RecentCounts {
  const slots = new Map<string, Slot>();
  const ageOf = agesOf(signals);
  const widthOf = (signal: string): Milliseconds => Math.max(1, Math.ceil(ageOf(signal) / SLOTS / 1000)) * 1000;
  let tidied: Instant = 0;

  function slotOf({ signal, release, group, bucket }: Sample): Slot {
    const width = widthOf(signal);
    const last = (Math.floor(bucket / width) + 1) * width - 1000;
    const key = JSON.stringify([last, signal, release, group]);
    const known = slots.get(key);
    if (known) return known;
    const fresh = { signal, release, ...(group === undefined ? {} : { group }), bucket: last, sums: noSums() };
    slots.set(key, fresh);
    return fresh;
  }

  function tidy(now: Instant): void {
    if (Math.abs(now - tidied) < 1000) return;
    tidied = now;
    for (const [key, { signal, bucket }] of slots)
      if (bucket <= now - span - ageOf(signal) - widthOf(signal)) slots.delete(key);
  }

  return {
    add(samples, now) {
      for (const sample of samples) addSample(slotOf(sample).sums, sample);
      tidy(now);
    },
    samples: () =>
      [...slots.values()].map(({ sums, ...slot }) => ({ node: "", sequence: 0, ...slot, ...countsOf(sums) })),
    clear: () => slots.clear(),
  };
}
