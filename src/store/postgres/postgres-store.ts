import type { Clock, Store } from "../../core/ports.ts";
import type { RolloutRecord } from "../../core/rollout.ts";
import { summedUp } from "../../core/sample-pack.ts";
import type { Milliseconds } from "../../core/time.ts";
import { Commits } from "./commits.ts";
import { Database, type Session } from "./database.ts";
import { entryTables } from "./entries.ts";
import { flagTable } from "./flags.ts";
import { leaseTable } from "./leases.ts";
import { knownMigrations, migrate } from "./migrations.ts";
import { packsOfRollout, packTable } from "./packs.ts";
import { releaseTables } from "./releases.ts";
import { rolloutIn, rolloutTable } from "./rollouts.ts";
import { routeTable } from "./routes.ts";
import { sagasOfRollout, sagaTables, stepsOfSaga } from "./sagas.ts";
import { sampleTable, unpackedOfRollout } from "./samples.ts";
import { seasonTable } from "./seasons.ts";
import { sql } from "./statement.ts";
import { tokenTable } from "./tokens.ts";
import { warmUp } from "./warm-up.ts";

export interface PostgresStoreOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`: the primary, directly or through a pooler in session mode. */
  readonly url: string;
  /** Made when it is missing; `rollbook` without it. Stores in different schemas know nothing of each other. */
  readonly schema?: string;
  /** Grows with time, whatever the time of day is set to: how long a server has been away. */
  readonly elapsed: () => Milliseconds;
  /** Waits between tries to reach a server that is away. */
  readonly sleep: Clock["sleep"];
  /** Connections at most; 8 without it. */
  readonly connections?: number;
  /** How long a call tries to reach a server that is away; 5 s without it. */
  readonly patience?: Milliseconds;
}

/**
 * The store of many replicas: one schema of a Postgres 14 or newer, used by any number of processes at a time. Leases
 * go by the database's clock; the `now` of the port is not looked at. Throws STORE_UNSAFE when commits would not be
 * durable or the schema is a newer one's, STORE_UNREACHABLE without an answer; errors of Postgres come through as they
 * are, and the commit that met one wrote nothing. COMMIT_UNDECIDED is the one answer that leaves a commit open.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { schema = "rollbook", connections = 8, patience = 5000 } = options;
  const database = new Database({ ...options, schema, connections, patience });
  try {
    await migrate(database, knownMigrations());
    database.warmUp = warmUp;
    const adopted = database.repeatable(async (session) => {
      await session.query(sql`SELECT adopt_cluster()`);
      await database.warm(session);
    });
    // Beside it a second connection is made, for which nobody waits: see `min` of the pool.
    database.rows(sql`SELECT 1`).catch(() => undefined);
    await adopted;
    return storeOver(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The store on a database whose schema is there. */
export function storeOver(database: Database): Store {
  const commits = new Commits(database);
  const leases = leaseTable(database);
  const releases = releaseTables(database);
  const rollouts = rolloutTable(database);
  const sagas = sagaTables(database);
  const entries = entryTables(database);
  return {
    commit: (changes, guard, claim) => commits.commit(changes, guard, claim),
    acquireLease: (resource, holder, ttl) => leases.take(resource, holder, ttl),
    renewLease: (lease, ttl) => leases.renew(lease, ttl),
    renewLeases: (all, ttl) =>
      leases.renewAll(
        all.map((lease) => ({ lease })),
        ttl,
      ),
    release: releases.get,
    lastKnownGood: releases.lastKnownGood,
    quarantine: releases.quarantine,
    rollout: rollouts.get,
    rollouts: rollouts.newestFirst,
    promoted: rollouts.promoted,
    openRollouts: rollouts.open,
    record: (id) => database.repeatable((session) => recordIn(session, id)),
    sagas: sagas.ofRollout,
    runningSagas: sagas.running,
    steps: sagas.steps,
    samples: sampleTable(database).ofRollout,
    unpacked: sampleTable(database).unpacked,
    packs: packTable(database).ofRollout,
    seasons: seasonTable(database).ofSystem,
    route: routeTable(database).get,
    flags: flagTable(database).all,
    tokens: tokenTable(database).all,
    entries: entries.from,
    entriesAbout: entries.about,
    entryCount: entries.count,
    checkpoint: entries.checkpoint,
    close: () => database.close(),
  };
}

/** All that belongs to a rollout as it was at one moment. */
async function recordIn(session: Session, id: string): Promise<RolloutRecord | undefined> {
  await session.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    const rollout = await rolloutIn(session, id);
    if (rollout === undefined) return undefined;
    const sagas = await sagasOfRollout(session, id);
    const steps = [];
    for (const saga of sagas) steps.push(...(await stepsOfSaga(session, saga.id)));
    const samples = summedUp(await packsOfRollout(session, id), await unpackedOfRollout(session, id));
    return { rollout, samples, sagas, steps };
  } finally {
    await session.script("ROLLBACK");
  }
}
