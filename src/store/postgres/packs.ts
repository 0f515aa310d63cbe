import type { PackUpdate } from "../../core/ports.ts";
import { type SamplePack, samplesIn } from "../../core/sample-pack.ts";
import { groupColumn } from "../sample-row.ts";
import type { Database, Session } from "./database.ts";
import { type Statement, sql } from "./statement.ts";

/**
 * The packs, and no more rows of what they hold. Rows of the same commit stay, since one statement does not see what another
 * one writes beside it; whoever reads takes the first block under a key.
 */
export function putPacks(updates: readonly PackUpdate[]): readonly Statement[] {
  const rows = updates.flatMap(({ rollout, pack }) => samplesIn(pack).map((sample) => ({ rollout, ...sample })));
  return [
    // One that is not the next of its rollout has no number here, which the table refuses.
    sql`INSERT INTO packs (rollout, number, digest, body)
      SELECT rollout, CASE number
          WHEN (SELECT coalesce(max(known.number) + 1, 0) FROM packs AS known WHERE known.rollout = given.rollout)
            + row_number() OVER (PARTITION BY rollout ORDER BY place) - 1 THEN number END, digest, body
      FROM unnest(${updates.map(({ rollout }) => rollout)}::text[],
        ${updates.map(({ pack }) => pack.number)}::bigint[], ${updates.map(({ pack }) => pack.digest)}::text[],
        ${updates.map(({ pack }) => pack.body)}::text[]) WITH ORDINALITY AS given (rollout, number, digest, body, place)`,
    sql`DELETE FROM samples USING unnest(${rows.map(({ rollout }) => rollout)}::text[],
        ${rows.map(({ bucket }) => bucket)}::float8[], ${rows.map(({ node }) => node)}::text[],
        ${rows.map(({ sequence }) => sequence)}::bigint[], ${rows.map(({ signal }) => signal)}::text[],
        ${rows.map(({ release }) => release)}::text[], ${rows.map(({ group }) => groupColumn(group))}::text[])
        AS packed (rollout, bucket, node, sequence, signal, release, "group")
      WHERE samples.rollout = packed.rollout AND samples.bucket = packed.bucket AND samples.node = packed.node
        AND samples.sequence = packed.sequence AND samples.signal = packed.signal AND samples.release = packed.release
        AND samples."group" = packed."group"`,
  ];
}

type Row = Omit<SamplePack, "number"> & { readonly number: string };

export async function packsOfRollout(
  from: Pick<Session, "query">,
  rollout: string,
  first = 0,
  limit = Number.MAX_SAFE_INTEGER,
): Promise<readonly SamplePack[]> {
  const rows = await from.query<Row>(
    sql`SELECT number, digest, body FROM packs WHERE rollout = ${rollout} AND number >= ${first}::bigint
      ORDER BY number LIMIT ${limit}::bigint`,
  );
  return rows.map(({ number, digest, body }) => ({ number: Number(number), digest, body }));
}

export function packTable(database: Database) {
  return {
    ofRollout: (rollout: string, from: number, limit: number) =>
      database.repeatable((session) => packsOfRollout(session, rollout, from, limit)),
  };
}
