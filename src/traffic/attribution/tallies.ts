import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";

/** Sums of n and k per (second, release, signal) since the last `take`. */
export interface Tallies {
  add(second: number, release: ReleaseId, signal: number, n: number, k: number): void;
  /** All sums that are not zero, oldest second first, under one sequence: they arrived together. */
  take(): Sample[];
}

/** Memory is (seconds since the last take) × releases × signals; a late outcome opens its own second again. */
export function createTallies(node: string, signals: readonly string[], firstSequence: number): Tallies {
  let sequence = firstSequence;
  let seconds = new Map<number, Map<ReleaseId, Float64Array>>();
  const sumsOf = (second: number, release: ReleaseId): Float64Array => {
    const releases = seconds.get(second) ?? new Map<ReleaseId, Float64Array>();
    const sums = releases.get(release) ?? new Float64Array(2 * signals.length);
    if (releases.size === 0) seconds.set(second, releases);
    if (!releases.has(release)) releases.set(release, sums);
    return sums;
  };
  return {
    add(second, release, signal, n, k) {
      const sums = sumsOf(second, release);
      sums[2 * signal]! += n;
      sums[2 * signal + 1]! += k;
    },
    take() {
      const taken = [...seconds].sort(([a], [b]) => a - b);
      seconds = new Map();
      const samples: Sample[] = [];
      for (const [second, releases] of taken) {
        for (const [release, sums] of releases) {
          signals.forEach((signal, index) => {
            const n = sums[2 * index]!;
            const k = sums[2 * index + 1]!;
            if (n === 0 && k === 0) return;
            samples.push({ node, sequence, bucket: second * 1000, signal, release, n, k });
          });
        }
      }
      if (samples.length > 0) sequence += 1;
      return samples;
    },
  };
}
