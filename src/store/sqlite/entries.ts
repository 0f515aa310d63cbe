import type { Checkpoint, Entry, EntryDraft } from "../../core/entry.ts";
import { leafOf } from "../../core/leaf.ts";
import { entityIn, toBody } from "../body.ts";
import type { Connection } from "./connection.ts";

/** The ledger's leaves, as the exact text that was hashed, and its newest signed head. */
export function entryTables(connection: Connection) {
  const put = connection.prepare(
    "INSERT INTO entries (position, leaf) SELECT coalesce(max(position) + 1, 0), ? FROM entries",
  );
  const from = connection.prepare(
    'SELECT position AS "index", leaf FROM entries WHERE position >= ? ORDER BY position LIMIT ?',
  );
  const count = connection.prepare("SELECT coalesce(max(position) + 1, 0) AS count FROM entries");
  // Two checkpoints may be on their way at once: the longer one stays.
  const putCheckpoint = connection.prepare(
    `INSERT INTO checkpoints (only, size, body) VALUES (1, ?, ?)
     ON CONFLICT (only) DO UPDATE SET size = excluded.size, body = excluded.body WHERE excluded.size >= size`,
  );
  const checkpoint = connection.prepare("SELECT body FROM checkpoints");
  return {
    put: (draft: EntryDraft) => put.run(leafOf(draft)),
    from: (index: number, limit: number): readonly Entry[] =>
      (from.all(index, limit) as unknown as Entry[]).map((row) => ({ ...row })),
    count: () => count.get()?.["count"] as number,
    putCheckpoint: (head: Checkpoint) => putCheckpoint.run(head.size, toBody(head)),
    checkpoint: () => entityIn<Checkpoint>(checkpoint.get()),
  };
}
