import { RollbookError } from "../../core/errors.ts";

/** Postgres 14 is the oldest that is tried; older ones lack functions that the schema uses. */
const OLDEST = 140_000;

/** Milliseconds. A statement of ours takes a few; these only end what hangs. */
export const LIMITS = { statement: 10_000, lock: 3_000, idleInTransaction: 10_000 } as const;

/** What a server says of itself and of this session, as far as durability and the store's reasoning depend on it. */
export interface ServerSettings {
  readonly version: number;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly isolation: string;
  readonly read_only: string;
  readonly encoding: string;
  readonly standby: boolean;
  /** The cluster's own number (pg_control). */
  readonly cluster: string;
}

/**
 * Sets up a session and reads what it has to be judged by, in one round trip. `pg_temp` last: nobody's temporary table
 * stands in for one of ours. `extra_float_digits`: numbers come back as they were stored. `plan_cache_mode`: a text is
 * planned at its first use, and not again at each of the next five.
 */
export const SESSION = `SELECT
  set_config('search_path', quote_ident($1) || ', pg_temp', false),
  set_config('statement_timeout', '${LIMITS.statement}', false),
  set_config('lock_timeout', '${LIMITS.lock}', false),
  set_config('idle_in_transaction_session_timeout', '${LIMITS.idleInTransaction}', false),
  set_config('extra_float_digits', '1', false),
  set_config('plan_cache_mode', 'force_generic_plan', false),
  current_setting('server_version_num')::int AS version,
  current_setting('fsync') AS fsync,
  current_setting('full_page_writes') AS full_page_writes,
  current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('default_transaction_isolation') AS isolation,
  current_setting('default_transaction_read_only') AS read_only,
  current_setting('server_encoding') AS encoding,
  pg_is_in_recovery() AS standby,
  (SELECT system_identifier::text FROM pg_control_system()) AS cluster`;

/** Throws STORE_UNSAFE unless an acknowledged commit survives a power cut of this server under these settings. */
export function assertSafe(settings: ServerSettings): void {
  const { version, encoding, standby, isolation, synchronous_commit: synchronous } = settings;
  if (version < OLDEST) throw unsafe(`Postgres ${Math.floor(version / 10_000)} is older than 14`);
  if (standby) throw unsafe("this server is a standby; connect to the primary");
  for (const name of ["fsync", "full_page_writes"] as const)
    if (settings[name] !== "on") throw unsafe(`${name} is ${settings[name]}; set it to on`);
  if (synchronous === "off") throw unsafe("synchronous_commit is off for this role or database; set it to on");
  if (isolation !== "read committed")
    throw unsafe(`default_transaction_isolation is ${isolation} for this role or database, not read committed`);
  if (settings.read_only !== "off") throw unsafe("default_transaction_read_only is on for this role or database");
  if (encoding !== "UTF8") throw unsafe(`the database's encoding is ${encoding}, not UTF8`);
}

export function unsafe(reason: string): RollbookError {
  return new RollbookError("STORE_UNSAFE", { reason });
}
