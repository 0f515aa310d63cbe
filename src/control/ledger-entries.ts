import type { Store } from "../core/ports.ts";
import type { Instant } from "../core/time.ts";

/** How many entries are read at once. */
export const PAGE = 1000;

/** A leaf, read. */
export interface ReadEntry {
  readonly type: string;
  readonly at: Instant;
  readonly system: string;
  readonly rollout?: string;
  readonly data: unknown;
}

/** The newest entry of one type about a rollout. */
export async function newestEntry(
  store: Pick<Store, "entries">,
  type: string,
  rollout: string,
): Promise<ReadEntry | undefined> {
  let newest: ReadEntry | undefined;
  for await (const entry of entriesWith(store, type, rollout)) if (entry.rollout === rollout) newest = entry;
  return newest;
}

/** All entries of one type about a system, in order. */
export async function entriesOfSystem(
  store: Pick<Store, "entries">,
  type: string,
  system: string,
): Promise<readonly ReadEntry[]> {
  const found: ReadEntry[] = [];
  for await (const entry of entriesWith(store, type, system)) if (entry.system === system) found.push(entry);
  return found;
}

async function* entriesWith(store: Pick<Store, "entries">, type: string, word: string): AsyncGenerator<ReadEntry> {
  for (let from = 0; ; from += PAGE) {
    const entries = await store.entries(from, PAGE);
    for (const { leaf } of entries) {
      // Reading every leaf whole would cost more than looking for the words first; JSON writes some of them otherwise.
      if (!leaf.includes(type) || !leaf.includes(JSON.stringify(word))) continue;
      const entry = JSON.parse(leaf) as ReadEntry;
      if (entry.type === type) yield entry;
    }
    if (entries.length < PAGE) return;
  }
}
