import type { Store } from "../core/ports.ts";

/** How many entries are read at once. */
const PAGE = 1000;

/** A leaf, read. */
export interface ReadEntry {
  readonly type: string;
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
  for (let from = 0; ; from += PAGE) {
    const entries = await store.entries(from, PAGE);
    for (const { leaf } of entries) {
      // Reading every leaf whole would cost more than looking for the words first.
      if (!leaf.includes(rollout) || !leaf.includes(type)) continue;
      const entry = JSON.parse(leaf) as ReadEntry;
      if (entry.type === type && entry.rollout === rollout) newest = entry;
    }
    if (entries.length < PAGE) return newest;
  }
}
