import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import type { RestoreRequest } from "../../core/ports.ts";
import { POSTGRES_IDENTITY } from "../sql-schema/postgres-link.ts";
import { catalogueDigest } from "./catalogue-digest.ts";
import type { FlywayPlace } from "./flyway-database.ts";
import { hiddenTables, recordTable } from "./flyway-database.ts";
import type { MigrationFile } from "./migration-files.ts";

/** What one run of Flyway shall do. */
export interface GuardedRun {
  readonly place: FlywayPlace;
  readonly request: RestoreRequest;
  /** Applied before and unchanged: Flyway validates them. */
  readonly applied: readonly MigrationFile[];
  /** What shall run now, in order. */
  readonly steps: readonly MigrationFile[];
  /** The highest rank of the history when it was decided. */
  readonly rank: number;
  /** The database that was looked at. */
  readonly identity: string;
}

/**
 * A folder with nothing in it but what was applied and what shall run: nothing else that happens to be pending runs
 * with it. Two callbacks of Flyway's run in the transaction of the migrations: the first refuses when anything is not
 * as it was read, and remembers the key; the last refuses when the result is not the schema that was asked for.
 */
export async function withStagedFolder<T>(run: GuardedRun, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "rollbook-flyway-"));
  try {
    for (const file of [...run.applied, ...run.steps]) {
      const to = join(folder, file.script);
      await mkdir(dirname(to), { recursive: true });
      await cp(file.path, to);
    }
    await writeFile(join(folder, "beforeEachMigrate.sql"), beforeEach(run));
    await writeFile(join(folder, "afterEachMigrate.sql"), afterEach(run));
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The words with which a callback ends a migration, and what they mean. */
export const REFUSALS = {
  already: "already",
  stale: "stale",
  conflict: "conflict",
  elsewhere: "refused",
  astray: "refused",
} as const;

function beforeEach({ place, request, steps, rank, identity }: GuardedRun): string {
  const { schema, table } = place;
  const [record, text] = [recordTable(place), pg.escapeLiteral];
  return `DO $rollbook$
DECLARE path text := current_setting('search_path'); live text; highest bigint; held record;
BEGIN
  IF (${POSTGRES_IDENTITY}) <> ${text(identity)} THEN
    RAISE EXCEPTION 'rollbook:astray Flyway was told to change another database than the one that was looked at';
  END IF;
  PERFORM set_config('lock_timeout', '${place.lockTimeoutMs}ms', true);
  PERFORM pg_advisory_xact_lock(hashtext('rollbook_flyway'), hashtext(${text(schema)}));
  IF EXISTS (SELECT FROM ${record} WHERE key = ${text(request.key)} AND done < steps) THEN RETURN; END IF;
  IF EXISTS (SELECT FROM ${record} WHERE key = ${text(request.key)}) THEN RAISE EXCEPTION 'rollbook:already'; END IF;
  SELECT coalesce(max(fence), 0) INTO highest FROM ${record};
  IF highest > ${integer(request.fence)} THEN RAISE EXCEPTION 'rollbook:stale fence % has written', highest; END IF;
  FOR held IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${text(schema)} AND c.relkind IN ('r', 'p', 'v') AND c.relname <> ALL (ARRAY[${hiddenTables(place).map(text).join(", ")}])
      ORDER BY c.relname LOOP
    EXECUTE format('LOCK TABLE %I.%I IN ACCESS SHARE MODE', ${text(schema)}, held.relname);
  END LOOP;
  PERFORM set_config('search_path', '', true);
  live := ${catalogueDigest(schema, hiddenTables(place))};
  PERFORM set_config('search_path', path, true);
  IF live <> ${text(request.before.digest)}
      OR (SELECT max(installed_rank) FROM ${name(schema)}.${name(table)}) IS DISTINCT FROM ${integer(rank)} THEN
    RAISE EXCEPTION 'rollbook:conflict another schema is live than was read before';
  END IF;
  INSERT INTO ${record} (seq, state, version, rank, digest, fence, key, steps, done)
  SELECT coalesce(max(seq), 0) + 1, 'live', ${text(steps.at(-1)!.version!)}, ${integer(rank + steps.length)}, ${text(request.desired)},
    ${integer(request.fence)}, ${text(request.key)}, ${steps.length}, 0 FROM ${record};
END $rollbook$;
`;
}

function afterEach({ place, request }: GuardedRun): string {
  const [record, text] = [recordTable(place), pg.escapeLiteral];
  return `DO $rollbook$
DECLARE path text := current_setting('search_path'); live text; finished boolean;
BEGIN
  UPDATE ${record} SET done = done + 1 WHERE key = ${text(request.key)} RETURNING done = steps INTO finished;
  IF NOT finished THEN RETURN; END IF;
  PERFORM set_config('search_path', '', true);
  live := ${catalogueDigest(place.schema, hiddenTables(place))};
  PERFORM set_config('search_path', path, true);
  IF live <> ${text(request.desired)} THEN
    RAISE EXCEPTION 'rollbook:elsewhere the compensation leads to %, which is not the schema that was asked for', live;
  END IF;
END $rollbook$;
`;
}

const name = (identifier: string) => pg.escapeIdentifier(identifier);

function integer(value: number): string {
  if (!Number.isSafeInteger(value)) throw new Error(`${value} is not a whole number`);
  return String(value);
}
