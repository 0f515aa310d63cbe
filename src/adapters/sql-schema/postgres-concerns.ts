import type pg from "pg";
import type { Concern } from "../../core/ports.ts";

const OLD_SECONDS = 30;

/** What a Postgres server says about changing a schema now. Changes nothing. */
export async function postgresConcerns(
  client: pg.ClientBase,
  { views, expands }: { readonly views: string; readonly expands: boolean },
): Promise<readonly Concern[]> {
  const warnings: string[] = [];
  const standby = await client.query<{ standby: boolean }>("SELECT pg_is_in_recovery() AS standby");
  if (standby.rows[0]!.standby) {
    return [{ level: "blocking", text: "This server is a standby: it takes no writes. Name the primary." }];
  }
  const old = await client.query<{ pid: number; seconds: number; who: string }>(LONG, [OLD_SECONDS]);
  for (const { pid, seconds, who } of expands ? old.rows : []) {
    warnings.push(
      `A transaction of ${who} (pid ${pid}) has been open for ${seconds} s; what expands the tables may wait for its locks.`,
    );
  }
  const replicas = await client.query<{ name: string; lag: number | null }>(REPLICAS);
  for (const { name, lag } of replicas.rows) {
    if (lag === null) warnings.push(`The lag of the replica "${name}" is not known; its readers see a switch later.`);
    else if (lag > 1)
      warnings.push(`The replica "${name}" is ${lag.toFixed(1)} s behind; its readers see a switch later.`);
  }
  const pinned = await client.query<{ name: string }>(PINNED, [views]);
  for (const { name } of pinned.rows) {
    warnings.push(`${name} is built on a view of this schema and stays with its version when readers are switched.`);
  }
  return warnings.map((text) => ({ level: "warning", text }));
}

const LONG = `
  SELECT pid, extract(epoch FROM now() - xact_start)::int AS seconds, coalesce(usename, 'somebody') AS who
    FROM pg_stat_activity
   WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < now() - make_interval(secs => $1)
   ORDER BY xact_start LIMIT 5`;

const REPLICAS = `
  SELECT coalesce(application_name, client_addr::text, 'replica') AS name,
         extract(epoch FROM replay_lag)::float8 AS lag
    FROM pg_stat_replication WHERE state IS NULL OR state <> 'backup' LIMIT 20`;

/** Views elsewhere hold on to the views that they were made with, not to their names. */
const PINNED = `
  SELECT DISTINCT format('%I.%I', en.nspname, e.relname) AS name
    FROM pg_depend d
    JOIN pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1
    JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_class e ON e.oid = r.ev_class
    JOIN pg_namespace en ON en.oid = e.relnamespace AND en.nspname <> $1
   ORDER BY 1 LIMIT 5`;
