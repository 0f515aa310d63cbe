import type { Instant, Milliseconds } from "../../core/time.ts";

/** Gathers what is known of each second of requests, and hands a second over once nothing more of it is awaited. */
export interface ClosingSeconds<T> {
  /** What was gathered of this second; undefined when it was handed over before. */
  at(bucket: Instant): T | undefined;
  /** The seconds that have become old enough, the oldest first, each once. */
  closed(now: Instant): readonly (readonly [bucket: Instant, gathered: T])[];
}

/** A second is handed over when it is older than what it waits for, by at most a sixteenth of that. */
const STRIDES = 16;

/**
 * Time is what the samples say, so that a replay closes the same seconds. Little more than `wait` of seconds
 * are held, besides those of the batch at hand and what lies in the future.
 */
export function createClosingSeconds<T>(fresh: () => T, wait: Milliseconds): ClosingSeconds<T> {
  const open = new Map<Instant, T>();
  let edge = Number.NEGATIVE_INFINITY;
  return {
    at(bucket) {
      if (bucket <= edge) return undefined;
      const known = open.get(bucket);
      if (known !== undefined) return known;
      const gathered = fresh();
      open.set(bucket, gathered);
      return gathered;
    },
    closed(now) {
      // In strides, so that looking through what is open costs little for each second.
      if (now - wait < edge + wait / STRIDES) return [];
      edge = now - wait;
      const old = [...open].filter(([bucket]) => bucket <= edge).sort(([a], [b]) => a - b);
      for (const [bucket] of old) open.delete(bucket);
      return old;
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
