import type { Checkpoint, Entry, EntryDraft, EntryType } from "../../core/entry.ts";
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
  // As the index has it, to the letter.
  const about = `SELECT position AS "index", leaf FROM entries
    WHERE coalesce(json_extract(leaf, '$.rollout'), json_extract(leaf, '$.system')) = ?`;
  const ofAny = connection.prepare(`${about} ORDER BY position DESC LIMIT ?`);
  const ofType = connection.prepare(`${about} AND json_extract(leaf, '$.type') = ? ORDER BY position DESC LIMIT ?`);
  const count = connection.prepare("SELECT coalesce(max(position) + 1, 0) AS count FROM entries");
  // Two checkpoints may be on their way at once: the longer one stays.
  const putCheckpoint = connection.prepare(
    `INSERT INTO checkpoints (only, size, body) VALUES (1, ?, ?)
     ON CONFLICT (only) DO UPDATE SET size = excluded.size, body = excluded.body WHERE excluded.size >= size`,
  );
  const checkpoint = connection.prepare("SELECT body FROM checkpoints");
  return {
    put: (draft: EntryDraft) => put.run(leafOf(draft)),
    from: (index: number, limit: number) => entriesOf(from.all(index, limit)),
    about: (about: string, limit: number, type?: EntryType) =>
      entriesOf(type === undefined ? ofAny.all(about, limit) : ofType.all(about, type, limit)),
    count: () => count.get()?.["count"] as number,
    putCheckpoint: (head: Checkpoint) => putCheckpoint.run(head.size, toBody(head)),
    checkpoint: () => entityIn<Checkpoint>(checkpoint.get()),
  };
}

function entriesOf(rows: readonly object[]): readonly Entry[] {
  return (rows as readonly Entry[]).map((row) => ({ ...row }));
}
