import type { EntryType } from "../core/entry.ts";
import type { Store } from "../core/ports.ts";
import type { Instant } from "../core/time.ts";

/** A leaf, read. */
export interface ReadEntry {
  readonly type: string;
  readonly at: Instant;
  readonly system: string;
  readonly actor: string;
  readonly rollout?: string;
  readonly data: unknown;
}

/** The newest entries about a rollout, or about a system and no rollout, of one type or any, newest first. */
export async function entriesAbout(
  store: Pick<Store, "entriesAbout">,
  about: string,
  limit: number,
  type?: EntryType,
): Promise<readonly ReadEntry[]> {
  return (await store.entriesAbout(about, limit, type)).map(({ leaf }) => JSON.parse(leaf) as ReadEntry);
}
