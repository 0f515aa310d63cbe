import pg from "pg";
import type { Concern } from "../../core/ports.ts";
import { catalogueOf, viewNames } from "./postgres-catalogue.ts";
import { postgresConcerns } from "./postgres-concerns.ts";
import { createPostgresLink, inTransaction, postgresIdentity } from "./postgres-link.ts";
import { Forbidden, type SchemaDatabase, type SchemaSession } from "./schema-database.ts";
import { liveRow, type SchemaLook, type SchemaRow } from "./schema-record.ts";

export interface PostgresSchemaOptions {
  readonly url: string;
  /** The schema that readers name; `app` without it. Versions are kept beside it as `app_v12`. */
  readonly views?: string;
  /** The schema of the tables, and of `rollbook_schema`; `public` without it. */
  readonly tables?: string;
  /** Roles that may use each version's schema. */
  readonly roles?: readonly string[];
  /** How long a statement waits for a lock before all is undone and tried again, in milliseconds; 100 without it. */
  readonly lockTimeoutMs?: number;
}

/**
 * Keeps each version in a schema of its own and switches readers by renaming two schemas in one transaction. A rename
 * takes no lock on the views, so it neither waits for running statements nor makes others queue; sessions see the new
 * names at their next statement, prepared ones are analysed again (PostgreSQL: src/backend/utils/cache/plancache.c).
 */
export function createPostgresSchema(options: PostgresSchemaOptions): SchemaDatabase {
  const { views = "app", tables = "public", roles = [], lockTimeoutMs = 100 } = options;
  const link = createPostgresLink(options.url);
  const sessionOn = (client: pg.ClientBase) => new PostgresSession(client, views, tables, roles);
  return {
    read: (work, signal) =>
      link.use(signal, (client) =>
        inTransaction(client, { begin: "BEGIN READ ONLY", setUp: ["SET LOCAL statement_timeout = '5s'"] }, async () => {
          return { keep: false, answer: await work(sessionOn(client)) };
        }),
      ),
    write: (work, signal) =>
      link.use(signal, (client) => {
        const setUp = [`SET LOCAL lock_timeout = '${lockTimeoutMs}ms'`];
        return inTransaction(client, { setUp }, async () => {
          const session = sessionOn(client);
          await session.takeTurn();
          return await work(session);
        });
      }),
    close: () => link.close(),
  };
}

class PostgresSession implements SchemaSession {
  readonly #client: pg.ClientBase;
  readonly #views: string;
  readonly #tables: string;
  readonly #roles: readonly string[];
  readonly #table: string;

  constructor(client: pg.ClientBase, views: string, tables: string, roles: readonly string[]) {
    this.#client = client;
    this.#views = views;
    this.#tables = tables;
    this.#roles = roles;
    this.#table = `${name(tables)}.rollbook_schema`;
  }

  /**
   * One Rollbook at a time; and no other may change the views while we look and switch. ACCESS SHARE is what a SELECT
   * takes: it holds up nobody but those who would alter or drop a view.
   */
  async takeTurn(): Promise<void> {
    await this.#client.query("SELECT pg_advisory_xact_lock(hashtext('rollbook_schema'), hashtext($1))", [this.#views]);
    await this.#client.query(TABLE(this.#table));
    const held = await viewNames(this.#client, [this.#views]);
    if (held.length > 0) await this.#client.query(`LOCK TABLE ${held.join(", ")} IN ACCESS SHARE MODE`);
  }

  /** Looked at again while somebody switches: names and definitions must be of one moment. */
  async look(): Promise<SchemaLook> {
    for (let tries = 0; ; tries++) {
      const before = await this.#stamp();
      const look = await this.#lookOnce();
      if (tries === 5 || (await this.#stamp()) === before) return look;
    }
  }

  async #stamp(): Promise<string> {
    const found = await this.#client.query<{ stamp: string }>(
      "SELECT concat(oid, ' ', xmin) AS stamp FROM pg_namespace WHERE nspname = $1",
      [this.#views],
    );
    return found.rows[0]?.stamp ?? "";
  }

  async #lookOnce(): Promise<SchemaLook> {
    const identity = await postgresIdentity(this.#client);
    const known = await this.#client.query("SELECT to_regclass($1) IS NOT NULL AS known", [this.#table]);
    const rows = known.rows[0].known ? await this.#rows() : [];
    const live = await catalogueOf(this.#client, this.#views);
    const said = await this.#client.query<{ mark: string | null }>(
      "SELECT obj_description(oid, 'pg_namespace') AS mark FROM pg_namespace WHERE nspname = $1",
      [this.#views],
    );
    const mark = /^rollbook version (\d+)$/.exec(said.rows[0]?.mark ?? "");
    return { identity, rows, live, mark: mark ? Number(mark[1]) : undefined };
  }

  async #rows(): Promise<readonly SchemaRow[]> {
    const found = await this.#client.query<SchemaRow>(
      `SELECT seq, state, version, digest, catalogue, fence::float8 AS fence, key, identity, ddl
         FROM ${this.#table} WHERE views = $1 ORDER BY seq`,
      [this.#views],
    );
    return found.rows;
  }

  kept(row: SchemaRow) {
    return catalogueOf(this.#client, this.#keptName(row.version));
  }

  async append({ state, version, digest, catalogue, fence, key, ddl }: Omit<SchemaRow, "seq" | "identity">) {
    await this.#client.query(
      `INSERT INTO ${this.#table} (views, seq, state, version, digest, catalogue, fence, key, identity, ddl)
       SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9 FROM ${this.#table} WHERE views = $1`,
      [this.#views, state, version, digest, catalogue, fence, key, await postgresIdentity(this.#client), ddl],
    );
  }

  async runOnTables(sql: string) {
    await this.#run(sql, [this.#tables]);
  }

  async build(version: number, views: string) {
    const schema = this.#keptName(version);
    await this.#client.query(`CREATE SCHEMA ${name(schema)}`);
    await this.#client.query(`COMMENT ON SCHEMA ${name(schema)} IS 'rollbook version ${version}'`);
    for (const role of this.#roles) await this.#client.query(`GRANT USAGE ON SCHEMA ${name(schema)} TO ${name(role)}`);
    await this.#run(views, [schema, this.#tables]);
    const strange = await this.#client.query<{ relname: string }>(
      `SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'S', 'f') LIMIT 1`,
      [schema],
    );
    if (strange.rows[0]) throw new Forbidden(`"${strange.rows[0].relname}" holds data; make it in the expand file`);
    const catalogue = await catalogueOf(this.#client, schema);
    if (catalogue === undefined) throw new Forbidden("it makes no view");
    return { catalogue, ddl: null };
  }

  async show(to: SchemaRow, look: SchemaLook) {
    const from = liveRow(look);
    const kept = this.#keptName(to.version);
    const names = await viewNames(this.#client, [kept]);
    if (names.length > 0) await this.#client.query(`LOCK TABLE ${names.join(", ")} IN ACCESS SHARE MODE`);
    const steps = [`ALTER SCHEMA ${name(kept)} RENAME TO ${name(this.#views)}`];
    if (await this.#exists(this.#views)) {
      const own = from && !(await this.#exists(this.#keptName(from.version)));
      // What no version creates is kept beside, for people to look at.
      const aside = own ? this.#keptName(from.version) : `${this.#views}_before_${look.rows.length}`;
      steps.unshift(`ALTER SCHEMA ${name(this.#views)} RENAME TO ${name(aside)}`);
    }
    await this.#client.query(steps.join(";"));
  }

  async forget(version: number) {
    await this.#client.query(`DROP SCHEMA IF EXISTS ${name(this.#keptName(version))} CASCADE`);
  }

  concerns(expands: boolean): Promise<readonly Concern[]> {
    return postgresConcerns(this.#client, { views: this.#views, expands });
  }

  async count(query: string): Promise<number> {
    await this.#path([this.#views, this.#tables]);
    // Of one statement only: the extended protocol takes no second one that could end this transaction.
    const extended: pg.QueryConfig & { readonly queryMode: string } = { text: query, queryMode: "extended" };
    const found = await this.#client.query<Record<string, unknown>>(extended);
    const number = Number(Object.values(found.rows[0] ?? {})[0]);
    if (!Number.isFinite(number)) throw new Forbidden("the query answers no number");
    return number;
  }

  #keptName(version: number): string {
    return `${this.#views}_v${version}`;
  }

  async #exists(schema: string): Promise<boolean> {
    const found = await this.#client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
    return found.rows.length > 0;
  }

  async #path(schemas: readonly string[]): Promise<void> {
    await this.#client.query("SELECT set_config('search_path', $1, true)", [schemas.map(name).join(", ")]);
  }

  /**
   * Several statements at once, inside a block of the server's own language: there a COMMIT among them is an error
   * (PostgreSQL: "EXECUTE of transaction commands is not implemented"), and cannot keep half of what is all or nothing.
   */
  async #run(sql: string, path: readonly string[]): Promise<void> {
    await this.#path(path);
    await this.#client.query(`DO ${pg.escapeLiteral(`BEGIN EXECUTE ${pg.escapeLiteral(sql)}; END`)}`);
  }
}

function name(identifier: string): string {
  return pg.escapeIdentifier(identifier);
}

const TABLE = (table: string) => `CREATE TABLE IF NOT EXISTS ${table} (
  views text NOT NULL, seq integer NOT NULL, state text NOT NULL CHECK (state IN ('ready', 'live', 'contracted')),
  version integer NOT NULL, digest text NOT NULL, catalogue text NOT NULL, fence bigint NOT NULL, key text,
  identity text NOT NULL, ddl text, at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (views, seq))`;
