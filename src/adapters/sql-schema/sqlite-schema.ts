import { statSync } from "node:fs";
import { constants, DatabaseSync } from "node:sqlite";
import { type Digest, digestOfJson } from "../../core/digest.ts";
import type { Concern } from "../../core/ports.ts";
import { Busy, Forbidden, type SchemaDatabase, type SchemaSession, Unsettled } from "./schema-database.ts";
import type { SchemaRow } from "./schema-record.ts";

/** How long a call may hold up this process while another one writes; then it is tried again later. */
const BUSY_MS = 20;

/** What would keep half of a change, or reach another file: SQLITE_TRANSACTION, _SAVEPOINT, _ATTACH and _DETACH. */
const ENDING: ReadonlySet<number> = new Set([
  constants.SQLITE_TRANSACTION,
  constants.SQLITE_SAVEPOINT,
  constants.SQLITE_ATTACH,
  constants.SQLITE_DETACH,
]);

/** One statement that makes a view or a trigger of one, as SQLite keeps it. */
interface Made {
  readonly name: string;
  readonly view: string;
  readonly sql: string;
}

/**
 * Keeps the views of each version as the statements that SQLite itself recorded for them, and switches readers by
 * dropping and creating the views in one immediate transaction. In WAL mode no reader waits for it.
 */
export function createSqliteSchema(file: string): SchemaDatabase {
  const open = (readOnly: boolean): DatabaseSync => {
    try {
      // Opened anew each time: a file that was replaced meanwhile is seen, and calls never share a transaction.
      if (!statSync(file).isFile()) throw new Error("it is not a file");
      return new DatabaseSync(file, { readOnly, timeout: BUSY_MS, enableDoubleQuotedStringLiterals: false });
    } catch (error) {
      throw new Error(`the database ${file} cannot be opened: ${error instanceof Error ? error.message : error}`);
    }
  };

  return {
    async read(work) {
      const database = open(true);
      try {
        database.exec("BEGIN");
        return await work(new SqliteSession(database, file));
      } catch (error) {
        throw meaning(error);
      } finally {
        database.close();
      }
    },
    async write(work) {
      const database = open(false);
      try {
        const mode = Object.values(database.prepare("PRAGMA journal_mode").get() ?? {})[0];
        if (mode !== "wal") {
          throw new Forbidden(`its journal mode is ${mode}; with "PRAGMA journal_mode = WAL" readers never wait`);
        }
        database.exec("PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
        database.exec(TABLE);
        const { keep, answer } = await work(new SqliteSession(database, file));
        if (keep) commit(database);
        return answer;
      } catch (error) {
        throw meaning(error);
      } finally {
        // What was not committed is undone when the connection closes.
        database.close();
      }
    },
    close: async () => {},
  };
}

class SqliteSession implements SchemaSession {
  readonly #database: DatabaseSync;
  readonly #file: string;

  constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
  }

  async look() {
    const rows = this.#rows();
    const made = this.#madeNow(rows);
    return { identity: sqliteIdentity(this.#database, this.#file), rows, live: digestOfMade(made), mark: undefined };
  }

  #rows(): readonly SchemaRow[] {
    const known = this.#database.prepare(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rollbook_schema'",
    );
    if (known.get() === undefined) return [];
    const columns = "seq, state, version, digest, catalogue, fence, key, identity, ddl";
    return this.#database
      .prepare(`SELECT ${columns} FROM rollbook_schema ORDER BY seq`)
      .all() as unknown as SchemaRow[];
  }

  /** The views that a version of this schema makes, as they are now, and whatever hangs on them. */
  #madeNow(rows: readonly SchemaRow[]): readonly Made[] {
    const ours = new Set(rows.flatMap((row) => statementsOf(row).map(({ view }) => view)));
    return this.#made().filter(({ view }) => ours.has(view));
  }

  #made(): readonly Made[] {
    return this.#database
      .prepare(
        `SELECT name, tbl_name AS view, sql FROM sqlite_master
          WHERE type = 'view' OR (type = 'trigger' AND tbl_name IN (SELECT name FROM sqlite_master WHERE type = 'view'))
          ORDER BY type DESC, rowid`,
      )
      .all() as unknown as Made[];
  }

  async kept(row: SchemaRow): Promise<Digest | undefined> {
    const made = statementsOf(row);
    return made.every((one) => this.#works(one)) ? digestOfMade(made) : undefined;
  }

  /** A view is only checked by SQLite when it is read: the tables below it may have changed since. */
  #works({ name, view, sql }: Made): boolean {
    if (name !== view) return true;
    try {
      this.#database.exec(sql.replace(/^CREATE VIEW/i, "CREATE TEMP VIEW"));
      this.#database.prepare(`SELECT * FROM temp.${quoted(name)} LIMIT 0`).all();
      return true;
    } catch {
      return false;
    } finally {
      this.#database.exec(`DROP VIEW IF EXISTS temp.${quoted(name)}`);
    }
  }

  async append({ state, version, digest, catalogue, fence, key, ddl }: Omit<SchemaRow, "seq" | "identity">) {
    this.#database
      .prepare(
        `INSERT INTO rollbook_schema (state, version, digest, catalogue, fence, key, ddl, identity)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(state, version, digest, catalogue, fence, key, ddl, sqliteIdentity(this.#database, this.#file));
  }

  async runOnTables(sql: string) {
    this.#database.setAuthorizer((action) => (ENDING.has(action) ? constants.SQLITE_DENY : constants.SQLITE_OK));
    try {
      this.#database.exec(sql);
    } catch (error) {
      if (!/not authorized/.test(String(error))) throw error;
      throw new Forbidden("BEGIN, COMMIT, ROLLBACK, SAVEPOINT, ATTACH and DETACH are not for this file; take them out");
    } finally {
      this.#database.setAuthorizer(null);
    }
  }

  async build(_version: number, views: string) {
    this.#database.exec("SAVEPOINT build");
    const ours = this.#madeNow(this.#rows());
    for (const { name, view } of ours) if (name === view) this.#database.exec(`DROP VIEW ${quoted(name)}`);
    const rest = new Set(this.#made().map(({ name }) => name));
    await this.runOnTables(views);
    const made = this.#made().filter(({ name }) => !rest.has(name));
    const broken = made.find((one) => !this.#works(one));
    if (broken) throw new Forbidden(`the view "${broken.name}" does not work with the tables`);
    const catalogue = digestOfMade(made);
    if (catalogue === undefined) throw new Forbidden("it makes no view");
    this.#database.exec("ROLLBACK TO build; RELEASE build");
    return { catalogue, ddl: JSON.stringify(made) };
  }

  async show(to: SchemaRow) {
    const wanted = statementsOf(to);
    const inTheWay = new Set([...this.#madeNow(this.#rows()), ...wanted].map(({ view }) => view));
    for (const view of inTheWay) this.#database.exec(`DROP VIEW IF EXISTS ${quoted(view)}`);
    for (const { sql } of wanted) this.#database.exec(sql);
  }

  async forget(version: number) {
    this.#database.prepare("UPDATE rollbook_schema SET ddl = '[]' WHERE version = ? AND state = 'ready'").run(version);
  }

  async concerns(): Promise<readonly Concern[]> {
    const mode = Object.values(this.#database.prepare("PRAGMA journal_mode").get() ?? {})[0];
    if (mode === "wal") return [];
    const text = `The journal mode is ${mode}: a switch is refused until it is WAL, because readers would block it.`;
    return [{ level: "blocking", text }];
  }

  async count(query: string): Promise<number> {
    const number = Number(Object.values(this.#database.prepare(query).get() ?? {})[0]);
    if (!Number.isFinite(number)) throw new Forbidden("the query answers no number");
    return number;
  }
}

/**
 * `sqlite:` with the `application_id` that the application chose (sqlite.org/pragma.html), and the file's own inode and
 * birth: what a copy of the file does not share.
 */
export function sqliteIdentity(database: DatabaseSync, file: string): string {
  const chosen = Number(Object.values(database.prepare("PRAGMA application_id").get() ?? {})[0]);
  const { ino, birthtimeMs } = statSync(file);
  return `sqlite:${(chosen >>> 0).toString(16)}/${ino}/${Math.floor(birthtimeMs)}`;
}

function statementsOf({ ddl }: SchemaRow): readonly Made[] {
  return ddl === null ? [] : (JSON.parse(ddl) as readonly Made[]);
}

function digestOfMade(made: readonly Made[]): Digest | undefined {
  if (made.length === 0) return undefined;
  // By name: in which order they were made is nothing that a reader can see.
  const sorted = [...made].sort((a, b) => (a.name < b.name ? -1 : 1));
  return digestOfJson(sorted.map(({ name, view, sql }) => ({ name, view, sql })));
}

function commit(database: DatabaseSync): void {
  try {
    database.exec("COMMIT");
  } catch (error) {
    if (isBusy(error)) throw error;
    throw new Unsettled(error instanceof Error ? error.message : String(error));
  }
}

/** SQLITE_BUSY and SQLITE_LOCKED: nothing happened. SQLITE_ERROR, _READONLY, _CONSTRAINT, _NOTADB: it never will. */
function meaning(error: unknown): unknown {
  if (isBusy(error)) return new Busy((error as Error).message);
  const { errcode } = (error ?? {}) as { readonly errcode?: number };
  return errcode !== undefined && [1, 8, 19, 26].includes(errcode & 0xff)
    ? new Forbidden((error as Error).message)
    : error;
}

function isBusy(error: unknown): boolean {
  const { errcode } = (error ?? {}) as { readonly errcode?: number };
  return errcode !== undefined && [5, 6].includes(errcode & 0xff);
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

const TABLE = `CREATE TABLE IF NOT EXISTS rollbook_schema (
  seq INTEGER PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('ready', 'live', 'contracted')),
  version INTEGER NOT NULL, digest TEXT NOT NULL, catalogue TEXT NOT NULL, fence INTEGER NOT NULL, key TEXT,
  identity TEXT NOT NULL, ddl TEXT, at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')))`;
