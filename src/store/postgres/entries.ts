import type { Checkpoint, Entry, EntryDraft, EntryType } from "../../core/entry.ts";
import { leafOf } from "../../core/leaf.ts";
import { entityIn, toBody } from "../body.ts";
import type { Database } from "./database.ts";
import { type Statement, sql } from "./statement.ts";

/** Leaves that get their positions in one go. */
const BATCH = 10_000;

/** The leaves, as the exact texts that are hashed, for the sequencer: one number for the commit, the order within it. */
export function putEntries(drafts: readonly EntryDraft[]): Statement {
  return sql`INSERT INTO outbox (commit, place, leaf)
    SELECT number, place, leaf FROM (SELECT nextval('outbox_commits') AS number) AS one,
      unnest(${drafts.map(leafOf)}::text[]) WITH ORDINALITY AS leaves (leaf, place)`;
}

/** Of several, the longest stays; the last of those that are equally long. */
export function putCheckpoints(heads: readonly Checkpoint[]): Statement {
  const longest = heads.reduce((best, head) => (head.size >= best.size ? head : best));
  return sql`INSERT INTO checkpoints (size, body) VALUES (${longest.size}, ${toBody(longest)})
    ON CONFLICT (only_one) DO UPDATE SET size = excluded.size, body = excluded.body
      WHERE excluded.size >= checkpoints.size`;
}

/** The ledger's leaves and its newest signed head. Who reads leaves first moves what waits in the outbox. */
export function entryTables(database: Database) {
  const sequence = async (): Promise<void> => {
    for (;;) {
      const [row] = await database.rows<{ moved: string }>(sql`SELECT sequence_entries(${BATCH}) AS moved`);
      if (Number(row?.moved) < BATCH) return;
    }
  };
  return {
    from: async (index: number, limit: number): Promise<readonly Entry[]> => {
      await sequence();
      const rows = sql`SELECT position, leaf FROM entries WHERE position >= ${index} ORDER BY position LIMIT ${limit}`;
      return entriesOf(await database.rows(rows));
    },
    about: async (about: string, limit: number, type?: EntryType): Promise<readonly Entry[]> => {
      await sequence();
      // As the index has it: a JSON text.
      const word = JSON.stringify(about);
      const ofAny = sql`SELECT position, leaf FROM entries WHERE entry_about(leaf) = ${word}
        ORDER BY position DESC LIMIT ${limit}`;
      const ofType = sql`SELECT position, leaf FROM entries WHERE entry_about(leaf) = ${word}
        AND entry_type(leaf) = ${type} ORDER BY position DESC LIMIT ${limit}`;
      return entriesOf(await database.rows(type === undefined ? ofAny : ofType));
    },
    count: async (): Promise<number> => {
      await sequence();
      const [row] = await database.rows<{ count: string }>(
        sql`SELECT coalesce(max(position) + 1, 0) AS count FROM entries`,
      );
      return Number(row?.count);
    },
    checkpoint: async () => entityIn<Checkpoint>((await database.rows(sql`SELECT body FROM checkpoints`))[0]),
  };
}

function entriesOf(rows: readonly object[]): readonly Entry[] {
  return (rows as readonly { position: string; leaf: string }[]).map(({ position, leaf }) => {
    return { index: Number(position), leaf };
  });
}
