import type { Sample } from "../../core/sample.ts";
import { withPacked } from "../../core/sample-pack.ts";
import { cellsColumn, groupColumn, type SampleRow, sampleOf } from "../sample-row.ts";
import type { Database, Session } from "./database.ts";
import { packsOfRollout } from "./packs.ts";
import { type Statement, sql } from "./statement.ts";

/** Blocks with the rollout that they belong to. */
export interface SampleBatch {
  readonly rollout: string;
  readonly samples: readonly Sample[];
}

/** However many blocks: one array for each column. */
export function putSamples(batches: readonly SampleBatch[]): Statement {
  const rollouts = batches.flatMap(({ rollout, samples }) => samples.map(() => rollout));
  const samples = batches.flatMap((batch) => batch.samples);
  return sql`INSERT INTO samples (rollout, bucket, node, sequence, signal, release, "group", n, k, known, cells)
    SELECT * FROM unnest(${rollouts}::text[], ${samples.map(({ bucket }) => bucket)}::float8[],
      ${samples.map(({ node }) => node)}::text[], ${samples.map(({ sequence }) => sequence)}::bigint[],
      ${samples.map(({ signal }) => signal)}::text[], ${samples.map(({ release }) => release)}::text[],
      ${samples.map(({ group }) => groupColumn(group))}::text[],
      ${samples.map(({ n }) => n)}::float8[], ${samples.map(({ k }) => k)}::float8[],
      ${samples.map(({ known }) => known ?? null)}::float8[],
      ${samples.map(({ cells }) => cellsColumn(cells))}::text[])
    ON CONFLICT (rollout, bucket, node, sequence, signal, release, "group") DO NOTHING`;
}

export async function unpackedOfRollout(from: Pick<Session, "query">, rollout: string): Promise<readonly Sample[]> {
  const rows = await from.query<Omit<SampleRow, "sequence"> & { sequence: string }>(
    sql`SELECT node, sequence, bucket, signal, release, "group", n, k, known, cells FROM samples
      WHERE rollout = ${rollout} ORDER BY bucket, node, sequence, signal, release, "group"`,
  );
  return rows.map((row) => sampleOf({ ...row, sequence: Number(row.sequence) }));
}

export async function samplesOfRollout(from: Pick<Session, "query">, rollout: string): Promise<readonly Sample[]> {
  // Packs last: what is packed in between is then read twice, and not missed.
  const rows = await unpackedOfRollout(from, rollout);
  return withPacked(await packsOfRollout(from, rollout), rows);
}

export function sampleTable(database: Database) {
  return {
    ofRollout: (rollout: string) => database.repeatable((session) => samplesOfRollout(session, rollout)),
    unpacked: (rollout: string) => database.repeatable((session) => unpackedOfRollout(session, rollout)),
  };
}
