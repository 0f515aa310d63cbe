import { digestOf } from "../../src/core/digest.ts";
import type { RestoreAdapter } from "../../src/core/ports.ts";

export const OLD = digestOf("old");
export const NEW = digestOf("new");

export interface InstantTarget extends RestoreAdapter {
  /** When each effect arrived, by `performance.now()`. */
  readonly arrivals: number[];
  /** Everything serves NEW again; `look` is asked at each effect before it is answered. */
  renew(look?: () => Promise<void>): void;
}

/** Restore targets in this process with compare-and-set, which answer at once. */
export function createInstantTarget(): InstantTarget {
  const restored = new Set<string>();
  const arrivals: number[] = [];
  let look: (() => Promise<void>) | undefined;
  return {
    name: "instant",
    guarantee: "cas",
    undo: () => "compensatable",
    arrivals,
    renew(next) {
      restored.clear();
      arrivals.length = 0;
      look = next;
    },
    serves: () => true,
    holds: async () => true,
    read: async (at) =>
      restored.has(at) ? { kind: "live", digest: OLD, version: "2" } : { kind: "live", digest: NEW, version: "1" },
    async apply({ at, before }) {
      arrivals.push(performance.now());
      await look?.();
      if (before.version !== (restored.has(at) ? "2" : "1")) return { kind: "conflict", reason: "another one serves" };
      restored.add(at);
      return { kind: "applied" };
    },
  };
}
