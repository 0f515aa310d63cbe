import pg from "pg";
import type { Clock } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { isLost, PostgresError, scrubbed } from "./failure.ts";
import { assertSafe, LIMITS, SESSION, type ServerSettings, unsafe } from "./settings.ts";
import { named, type Statement } from "./statement.ts";

export interface DatabaseOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `?sslmode=` and the like as libpq has them. */
  readonly url: string;
  readonly schema: string;
  readonly connections: number;
  /** How long a server may be away (restart, failover) before a call gives up. */
  readonly patience: Milliseconds;
  /** How long one answer may take; a little more than a statement may without it. */
  readonly limit?: Milliseconds;
  readonly elapsed: () => Milliseconds;
  readonly sleep: Clock["sleep"];
}

/** Between two tries to reach a server. */
const PAUSE = 100;
const LIFETIME_SECONDS = 600;

/** One physical connection, checked; what is not healthy any more is thrown away by `discard`. */
export interface Session {
  /** `limit`: how long an answer may take where that is longer than usual. */
  query<Row extends object = object>(statement: Statement, limit?: Milliseconds): Promise<readonly Row[]>;
  /** Several statements at once, without values: for migrations and transactions of several steps. */
  script(text: string, limit?: Milliseconds): Promise<void>;
  /** Did a commit go through here without the standby that it should have waited for? */
  readonly unreplicated: boolean;
  warm: boolean;
  /** Commits on this connection; see `Commits`. */
  client: { id: string; number: number } | undefined;
}

/** A bounded pool of connections to one primary. Every new connection is checked anew: it may be another server. */
export class Database {
  readonly options: DatabaseOptions;
  readonly #pool: pg.Pool;
  readonly #secret: string;
  readonly #place: string;
  readonly #sessions = new WeakMap<pg.ClientBase, Session>();
  #cluster: string | undefined;
  #closed = false;
  /** What a connection does after its first use, when nobody waits for it. */
  warmUp: ((session: Session) => Promise<void>) | undefined;

  /** Throws STORE_UNSAFE for an address that is not one of Postgres. */
  constructor(options: DatabaseOptions) {
    const address = addressOf(options.url);
    this.options = options;
    this.#secret = secretOf(address);
    this.#place = `${address.host}${address.pathname}`;
    this.#pool = new pg.Pool({
      connectionString: options.url,
      application_name: "rollbook",
      // A decision comes seldom: it finds a connection for its commit, and one for what is read beside it.
      min: Math.min(2, options.connections),
      max: options.connections,
      connectionTimeoutMillis: Math.min(5000, options.patience),
      idleTimeoutMillis: 30_000,
      // After a failover a name may stand for another server; connections to the old one must not live on.
      maxLifetimeSeconds: LIFETIME_SECONDS,
      query_timeout: options.limit ?? LIMITS.statement + 2000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5000,
      onConnect: (client) => this.#check(client),
    });
    // A connection that breaks is replaced at its next use; without listeners it would end the process.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  async #check(client: pg.ClientBase): Promise<void> {
    const { rows } = await client.query<ServerSettings>(SESSION, [this.options.schema]);
    const settings = rows[0] as ServerSettings;
    assertSafe(settings);
    this.#cluster ??= settings.cluster;
    if (settings.cluster !== this.#cluster) throw unsafe(`another Postgres cluster answers at ${this.#place} now`);
    this.#sessions.set(client, sessionOver(client));
  }

  /** Rows of a statement that may be repeated: one that reads, or that has the same end when it is made twice. */
  async rows<Row extends object>(statement: Statement): Promise<readonly Row[]> {
    return this.repeatable((session) => session.query<Row>(statement));
  }

  /** Work on one connection, made again on another one when the server goes away, until patience is over. */
  async repeatable<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const giveUp = this.options.elapsed() + this.options.patience;
    for (;;) {
      try {
        return await this.once(work, giveUp);
      } catch (error) {
        if (!isLost(error)) throw error;
        await this.waitOrGiveUp(giveUp, error);
      }
    }
  }

  /** Work on one connection, once. The connection is thrown away when its answer was lost. */
  async once<T>(work: (session: Session) => Promise<T>, giveUp: Milliseconds): Promise<T> {
    const client = await this.#connect(giveUp);
    const session = this.#sessions.get(client) as Session;
    let broken = true;
    try {
      const result = await work(session);
      broken = session.unreplicated;
      return result;
    } catch (error) {
      broken = isLost(error) || client.getTransactionStatus() !== "I";
      throw scrubbed(error, this.#secret);
    } finally {
      if (broken) client.release(true);
      else void this.#release(client, session);
    }
  }

  async #release(client: pg.PoolClient, session: Session): Promise<void> {
    await this.warm(session);
    client.release();
  }

  /** Once a connection. Whoever uses it next meets what was wrong with that. */
  async warm(session: Session): Promise<void> {
    if (!this.warmUp || session.warm) return;
    session.warm = true;
    await this.warmUp(session).catch(() => undefined);
  }

  async #connect(giveUp: Milliseconds): Promise<pg.PoolClient> {
    for (;;) {
      if (this.#closed) throw this.#unreachable(new Error("the store was closed"));
      try {
        return await this.#pool.connect();
      } catch (error) {
        if (!isLost(error)) throw scrubbed(error, this.#secret);
        await this.waitOrGiveUp(giveUp, error);
      }
    }
  }

  async waitOrGiveUp(giveUp: Milliseconds, error: unknown): Promise<void> {
    if (this.#closed || this.options.elapsed() + PAUSE > giveUp) throw this.#unreachable(error);
    await this.options.sleep(PAUSE);
  }

  #unreachable(error: unknown): PostgresError {
    const cause = scrubbed(error, this.#secret);
    if (cause instanceof PostgresError) return cause;
    const reason = cause instanceof Error ? cause.message || String((cause as { code?: string }).code) : String(cause);
    return new PostgresError("STORE_UNREACHABLE", `Postgres at ${this.#place} does not answer: ${reason}`, cause);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pool.end();
  }
}

function sessionOver(client: pg.ClientBase): Session {
  const session = {
    unreplicated: false,
    warm: false,
    client: undefined,
    query: async <Row extends object>(statement: Statement, limit?: Milliseconds) =>
      (await client.query<Row>(limited(named(statement), limit))).rows,
    script: async (text: string, limit?: Milliseconds) => {
      await client.query(limited({ text }, limit));
    },
  };
  // A cancelled wait for a synchronous standby ends in success and this warning. Its text depends on the locale.
  client.on("notice", ({ routine }) => {
    if (routine === "SyncRepWaitForLSN") session.unreplicated = true;
  });
  return session;
}

/** `pg` takes a limit for one query, and its types do not know it. */
function limited<Query extends pg.QueryConfig>(query: Query, limit: Milliseconds | undefined): Query {
  return limit === undefined ? query : { ...query, query_timeout: limit };
}

function secretOf({ password }: URL): string {
  try {
    return decodeURIComponent(password);
  } catch {
    return password;
  }
}

function addressOf(url: string): URL {
  const address = URL.parse(url);
  if (address === null || !/^postgres(ql)?:$/.test(address.protocol))
    throw unsafe("the address of its database is not of the form postgres://USER@HOST:PORT/DATABASE");
  return address;
}
