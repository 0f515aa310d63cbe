import { digestOf } from "../../core/digest.ts";
import { type AppliedMigration, type Migration, missingMigrations, readMigrations } from "../migration-files.ts";
import type { Database, Session } from "./database.ts";
import { sql } from "./statement.ts";

/** The migrations that this version of Rollbook knows, in order. */
export function knownMigrations(): readonly Migration[] {
  return readMigrations(new URL("migrations/", import.meta.url));
}

/** Milliseconds that a migration may take, and that other replicas wait for the one that makes it. */
const LIMIT = 600_000;

const MIGRATIONS = `CREATE TABLE migrations (number int PRIMARY KEY, name text NOT NULL, digest text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`;

/**
 * Makes the schema and applies what is missing, all in one transaction; of several replicas that start at once, one
 * after the other. Where nothing is missing, no right to change the schema is needed.
 * Throws STORE_UNSAFE when the database has a migration that is unknown here or that was another text.
 */
export async function migrate(database: Database, known: readonly Migration[]): Promise<void> {
  const { schema } = database.options;
  await database.repeatable(async (session) => {
    await session.script("BEGIN");
    try {
      await session.script(`SET LOCAL statement_timeout = ${LIMIT}; SET LOCAL lock_timeout = ${LIMIT}`);
      await session.query(
        sql`SELECT pg_advisory_xact_lock(hashtextextended(${`rollbook migrations of ${schema}`}, 0))`,
        LIMIT,
      );
      const [there] = await session.query<{ schema: boolean; migrations: boolean }>(
        sql`SELECT to_regnamespace(quote_ident(${schema})) IS NOT NULL AS schema,
          to_regclass(quote_ident(${schema}) || '.migrations') IS NOT NULL AS migrations`,
      );
      if (!there?.schema) await session.script(`CREATE SCHEMA "${schema.replaceAll('"', '""')}"`);
      if (!there?.migrations) await session.script(MIGRATIONS);
      await apply(session, known);
      await session.script("COMMIT");
    } catch (error) {
      await session.script("ROLLBACK").catch(() => {});
      throw error;
    }
  });
}

async function apply(session: Session, known: readonly Migration[]): Promise<void> {
  const applied = await session.query<AppliedMigration>(
    sql`SELECT number, name, digest FROM migrations ORDER BY number`,
  );
  for (const { number, name, sql: text } of missingMigrations(known, applied)) {
    await session.script(text, LIMIT);
    await session.query(
      sql`INSERT INTO migrations (number, name, digest) VALUES (${number}, ${name}, ${digestOf(text)})`,
    );
  }
}
