import type { Instant, Milliseconds } from "../../core/time.ts";

/** Gathers what is known of each second of requests, and hands a second over once nothing more of it is awaited. */
export interface ClosingSeconds<T> {
  /** What was gathered of this second; undefined when it was handed over before. */
  at(bucket: Instant): T | undefined;
  /** The seconds that have become old enough, the oldest first, each once. */
  closed(now: Instant): readonly (readonly [bucket: Instant, gathered: T])[];
}

/** A second is handed over when it is older than what it waits for, by at most a sixteenth of that. */
export const STRIDES = 16;

/**
 * Time is what the samples say, so that a replay closes the same seconds. Little more than `wait` of seconds
 * are held, besides those of the batch at hand and what lies in the future.
 */
export function createClosingSeconds<T>(fresh: () => T, wait: Milliseconds): ClosingSeconds<T> {
  // By the number of the second, which is a small integer and so a quick key.
  const open = new Map<number, T>();
  let edge = Number.NEGATIVE_INFINITY;
  return {
    at(bucket) {
      if (bucket <= edge) return undefined;
      const second = Math.floor(bucket / 1000);
      const known = open.get(second);
      if (known !== undefined) return known;
      const gathered = fresh();
      open.set(second, gathered);
      return gathered;
    },
    closed(now) {
      // In strides, so that looking through what is open costs little for each second.
      if (now - wait < edge + wait / STRIDES) return [];
      edge = now - wait;
      const old: [Instant, T][] = [];
      for (const [second, gathered] of open) {
        if (1000 * second > edge) continue;
        open.delete(second);
        old.push([1000 * second, gathered]);
      }
      return old.sort(([a], [b]) => a - b);
    },
  };
}

/** The same for each node by itself: one that delivers late is not cut off by the others. Memory grows with nodes only. */
export function byNode<T>(create: () => T): (node: string) => T {
  const nodes = new Map<string, T>();
  return (node) => {
    const known = nodes.get(node) ?? create();
    nodes.set(node, known);
    return known;
  };
}
