import pg from "pg";
import { Busy, Forbidden, Unsettled } from "./schema-database.ts";

/** SQLSTATEs after which nothing has happened and the same may succeed at once: lock, deadlock, serialisation. */
const BUSY = new Set(["55P03", "40P01", "40001", "23505"]);

/** SQLSTATE classes that say that a statement will never be taken as it is. */
const NEVER = /^(0A|21|22|23|25|2B|2F|39|3D|3F|42|54|P0)/;

/** A small pool to one database, and transactions whose failures say what they mean. */
export interface PostgresLink {
  /** Runs on one connection, which is broken off when the signal aborts: what was not committed is undone. */
  use<T>(signal: AbortSignal, work: (client: pg.ClientBase) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Nothing is called before the first use. Text, never parsed values, where a caller could not tell them apart. */
export function createPostgresLink(connectionString: string): PostgresLink {
  const pool = new pg.Pool({
    connectionString,
    max: 4,
    connectionTimeoutMillis: 3000,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
    application_name: "rollbook",
  });
  // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
  pool.on("error", () => {});

  return {
    async use(signal, work) {
      signal.throwIfAborted();
      const client = await pool.connect();
      let broken = signal.aborted;
      let end = () => {};
      const aborted = new Promise<never>((_, reject) => {
        end = () => {
          broken = true;
          reject(new Error("the call was aborted"));
        };
        signal.addEventListener("abort", end, { once: true });
      });
      client.on("error", end);
      try {
        return await Promise.race([work(client), aborted]);
      } catch (error) {
        if (sqlState(error) === undefined) broken = true;
        throw error;
      } finally {
        signal.removeEventListener("abort", end);
        client.off("error", end);
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}

/** Runs the work in one transaction, kept when it answers `keep`. Throws `Busy`, `Forbidden` or `Unsettled`. */
export async function inTransaction<T>(
  client: pg.ClientBase,
  { begin = "BEGIN", setUp = [] }: { readonly begin?: string; readonly setUp?: readonly string[] },
  work: () => Promise<{ readonly keep: boolean; readonly answer: T }>,
): Promise<T> {
  let decision: { readonly keep: boolean; readonly answer: T };
  try {
    await client.query([begin, ...setUp].join(";"));
    decision = await work();
    if (!decision.keep) await client.query("ROLLBACK");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw meaning(error);
  }
  if (decision.keep) await commit(client);
  return decision.answer;
}

async function commit(client: pg.ClientBase): Promise<void> {
  let answer: pg.QueryResult;
  try {
    answer = await client.query("COMMIT");
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    // A deferred constraint speaks only now; the server has undone everything.
    if (/^(23|40)/.test(sqlState(error) ?? "")) throw new Busy(said);
    throw new Unsettled(said);
  }
  // The server answers ROLLBACK to the COMMIT of a transaction that had failed.
  if (answer.command !== "COMMIT") throw new Busy(`the server answered ${answer.command} to the commit`);
}

function meaning(error: unknown): unknown {
  const code = sqlState(error);
  if (code === undefined || !(error instanceof Error)) return error;
  if (BUSY.has(code) || /concurrently (updated|deleted)/.test(error.message)) return new Busy(error.message);
  return NEVER.test(code) ? new Forbidden(`${error.message} (SQLSTATE ${code})`) : error;
}

/** The SQLSTATE of an error that the server sent; undefined for broken connections. */
export function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  return typeof code === "string" && typeof severity === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** `postgres:` with the cluster's own identifier, the database's oid and its name: a copy made by dump shares none. */
export const POSTGRES_IDENTITY = `SELECT format('postgres:%s/%s/%s', s.system_identifier, d.oid, d.datname)
  FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()`;

export async function postgresIdentity(client: pg.ClientBase): Promise<string> {
  const found = await client.query<{ identity: string }>(`SELECT (${POSTGRES_IDENTITY}) AS identity`);
  return found.rows[0]!.identity;
}
