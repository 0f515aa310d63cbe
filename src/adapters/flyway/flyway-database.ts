import pg from "pg";
import type { Digest } from "../../core/digest.ts";
import { inTransaction, type PostgresLink, postgresIdentity } from "../sql-schema/postgres-link.ts";
import { catalogueDigest } from "./catalogue-digest.ts";
import type { HistoryRow } from "./flyway-history.ts";
import type { FlywayLook, RecordRow } from "./flyway-record.ts";

/** Where Flyway's history and our record lie in a database. */
export interface FlywayPlace {
  readonly link: PostgresLink;
  readonly schema: string;
  /** Flyway's table, `flyway_schema_history` unless it was told otherwise. */
  readonly table: string;
  readonly lockTimeoutMs: number;
}

/** A record to be added. */
export type NewRecord = Pick<RecordRow, "state" | "version" | "rank" | "digest" | "fence" | "key">;

export const recordTable = ({ schema }: FlywayPlace) => `${pg.escapeIdentifier(schema)}.rollbook_flyway`;
export const hiddenTables = ({ table }: FlywayPlace) => [table, "rollbook_flyway", "rollbook_schema"];

/** Looks without changing anything. */
export async function lookAt(place: FlywayPlace, signal: AbortSignal): Promise<FlywayLook> {
  return await place.link.use(signal, (client) =>
    inTransaction(client, { begin: "BEGIN READ ONLY", setUp: ["SET LOCAL statement_timeout = '10s'"] }, async () => ({
      keep: false,
      answer: await steadyLook(client, place),
    })),
  );
}

/** Adds to the record, in one transaction with a look that the decision is made on; no record means: leave it. */
export async function record<T>(
  place: FlywayPlace,
  signal: AbortSignal,
  decide: (look: FlywayLook) => { readonly row?: NewRecord; readonly answer: T },
): Promise<T> {
  return await place.link.use(signal, (client) =>
    inTransaction(client, { setUp: [`SET LOCAL lock_timeout = '${place.lockTimeoutMs}ms'`] }, async () => {
      await client.query("SELECT pg_advisory_xact_lock(hashtext('rollbook_flyway'), hashtext($1))", [place.schema]);
      await client.query(TABLE(recordTable(place)));
      const { row, answer } = decide(await steadyLook(client, place));
      if (row) {
        await client.query(
          `INSERT INTO ${recordTable(place)} (seq, state, version, rank, digest, fence, key, steps, done)
           SELECT coalesce(max(seq), 0) + 1, $1, $2, $3, $4, $5, $6, 0, 0 FROM ${recordTable(place)}`,
          [row.state, row.version, row.rank, row.digest, row.fence, row.key],
        );
      }
      return { keep: true, answer };
    }),
  );
}

/** Catalogue, history and record of one moment: looked at again while somebody migrates. */
async function steadyLook(client: pg.ClientBase, place: FlywayPlace): Promise<FlywayLook> {
  const identity = await postgresIdentity(client);
  await client.query("SELECT set_config('search_path', '', true)");
  let last = "";
  for (let tries = 0; ; tries++) {
    const digest = await digestNow(client, place);
    const look: FlywayLook = {
      identity,
      digest,
      history: await historyRows(client, place),
      rows: await recordRows(client, place),
    };
    const now = JSON.stringify(look);
    if (now === last || tries === 5) return look;
    last = now;
  }
}

async function digestNow(client: pg.ClientBase, place: FlywayPlace): Promise<Digest> {
  const sql = `SELECT ${catalogueDigest(place.schema, hiddenTables(place))} AS digest`;
  const found = await client.query<{ digest: Digest }>(sql);
  return found.rows[0]!.digest;
}

async function historyRows(client: pg.ClientBase, place: FlywayPlace): Promise<readonly HistoryRow[]> {
  const table = `${pg.escapeIdentifier(place.schema)}.${pg.escapeIdentifier(place.table)}`;
  if (!(await exists(client, table))) return [];
  const found = await client.query<HistoryRow>(
    `SELECT installed_rank AS rank, version, description, type, script, checksum, success FROM ${table} ORDER BY 1`,
  );
  return found.rows;
}

async function recordRows(client: pg.ClientBase, place: FlywayPlace): Promise<readonly RecordRow[]> {
  if (!(await exists(client, recordTable(place)))) return [];
  const found = await client.query<RecordRow>(
    `SELECT state, version, rank, digest, fence::float8 AS fence, key, steps, done FROM ${recordTable(place)} ORDER BY seq`,
  );
  return found.rows;
}

async function exists(client: pg.ClientBase, table: string): Promise<boolean> {
  const found = await client.query<{ known: boolean }>("SELECT to_regclass($1) IS NOT NULL AS known", [table]);
  return found.rows[0]!.known;
}

const TABLE = (table: string) => `CREATE TABLE IF NOT EXISTS ${table} (
  seq integer PRIMARY KEY, state text NOT NULL CHECK (state IN ('known', 'live')),
  version text, rank integer NOT NULL, digest text NOT NULL, fence bigint NOT NULL, key text UNIQUE, steps integer NOT NULL,
  done integer NOT NULL, at timestamptz NOT NULL DEFAULT now())`;
