import type { Change, Clock, Store } from "../../core/ports.ts";
import { summedUp, withPacked } from "../../core/sample-pack.ts";
import type { Instant } from "../../core/time.ts";
import { Connection } from "./connection.ts";
import { entryTables } from "./entries.ts";
import { flagTable } from "./flags.ts";
import { prepareFile, prepareFolder } from "./folder.ts";
import { leaseTable } from "./leases.ts";
import { lockFolder } from "./lock.ts";
import { knownMigrations, migrate } from "./migrations.ts";
import { packTable } from "./packs.ts";
import { checkpointWhenQuiet } from "./quiet-checkpoints.ts";
import { releaseTables } from "./releases.ts";
import { rolloutTable } from "./rollouts.ts";
import { routeTable } from "./routes.ts";
import { sagaTables } from "./sagas.ts";
import { sampleTable } from "./samples.ts";
import { seasonTable } from "./seasons.ts";
import { tokenTable } from "./tokens.ts";

export interface SqliteStoreOptions {
  /** Made when it is missing, readable by its owner only. It must be on a local disk. */
  readonly folder: string;
  readonly now: () => Instant;
  /** With it the log is brought into the database while nobody writes; without it, within every so manieth commit. */
  readonly sleep?: Clock["sleep"];
}

/**
 * The embedded store: one SQLite database in WAL mode with `synchronous=FULL`, used by one process at a time.
 * Throws DATA_FOLDER_IN_USE when another process has the folder, STORE_UNSAFE when commits would not be durable;
 * errors of SQLite itself come through as they are, and the commit that met one wrote nothing.
 */
export async function openSqliteStore({ folder, now, sleep }: SqliteStoreOptions): Promise<Store> {
  prepareFolder(folder);
  const lock = lockFolder(folder);
  try {
    const connection = new Connection(prepareFile(folder, "rollbook.sqlite"));
    try {
      connection.takeIn();
      migrate(connection, knownMigrations(), now);
      leaseTable(connection).shorten(now());
      return storeOver(connection, lock.free, sleep && checkpointWhenQuiet(connection, sleep));
    } catch (error) {
      connection.close();
      throw error;
    }
  } catch (error) {
    lock.free();
    throw error;
  }
}

type Tables = ReturnType<typeof tablesOf>;

function tablesOf(connection: Connection) {
  return {
    releases: releaseTables(connection),
    rollouts: rolloutTable(connection),
    sagas: sagaTables(connection),
    samples: sampleTable(connection),
    packs: packTable(connection),
    seasons: seasonTable(connection),
    routes: routeTable(connection),
    flags: flagTable(connection),
    tokens: tokenTable(connection),
    entries: entryTables(connection),
    leases: leaseTable(connection),
  };
}

function apply(tables: Tables, change: Change): unknown {
  switch (change.kind) {
    case "release":
      return tables.releases.put(change.release);
    case "known-good":
      return tables.releases.prove(change.knownGood);
    case "quarantine":
      return tables.releases.confine(change.quarantine);
    case "rollout":
      return tables.rollouts.put(change.rollout);
    case "saga":
      return tables.sagas.put(change.saga);
    case "step":
      return tables.sagas.putStep(change.record);
    case "samples":
      return tables.samples.put(change.rollout, change.samples);
    case "pack":
      return tables.packs.put(change);
    case "season":
      return tables.seasons.put(change);
    case "route":
      return tables.routes.put(change.route);
    case "flag":
      return tables.flags.put(change.flag);
    case "token":
      return tables.tokens.put(change.token);
    case "checkpoint":
      return tables.entries.putCheckpoint(change.checkpoint);
    case "entry":
      return tables.entries.put(change.entry);
    default:
      throw new TypeError(`unknown change ${JSON.stringify(change satisfies never)}`);
  }
}

type Checkpoints = ReturnType<typeof checkpointWhenQuiet>;

function storeOver(connection: Connection, freeLock: () => void, checkpoints: Checkpoints | undefined): Store {
  const tables = tablesOf(connection);
  const { releases, rollouts, sagas, samples, packs, seasons, routes, flags, tokens, entries, leases } = tables;
  const transaction = <T>(work: () => T): T => {
    const result = connection.transaction(work);
    checkpoints?.wrote();
    return result;
  };
  const samplesOf = (rollout: string) => withPacked(packs.ofRollout(rollout), samples.ofRollout(rollout));
  return {
    commit: async (changes, guard, claim) =>
      transaction(() => {
        const usurper = guard && leases.usurper(guard);
        if (usurper !== undefined) return { kind: "fenced", holder: usurper };
        for (const change of changes) apply(tables, change);
        const claimed = claim && leases.takeAll(claim);
        return { kind: "committed", ...(claimed && { claimed }) };
      }),
    // In a transaction of its own: only COMMIT tells whether the new fence is on disk.
    acquireLease: async (resource, holder, ttl, now) =>
      transaction(() => leases.take(resource, holder, now + ttl, now)),
    renewLease: async (lease, ttl, now) => transaction(() => leases.renew(lease, now + ttl)),
    renewLeases: async (all, ttl, now) =>
      transaction(() => all.flatMap((lease) => leases.renew(lease, now + ttl) ?? [])),
    release: async (id) => releases.get(id),
    lastKnownGood: async (system) => releases.lastKnownGood(system),
    quarantine: async (release) => releases.quarantine(release),
    rollout: async (id) => rollouts.get(id),
    rollouts: async (system, limit) => rollouts.newestFirst(system, limit),
    promoted: async (system, limit) => rollouts.promoted(system, limit),
    openRollouts: async (system) => rollouts.open(system),
    record: async (id) => {
      const rollout = rollouts.get(id);
      if (rollout === undefined) return undefined;
      const ofRollout = sagas.ofRollout(id);
      const steps = ofRollout.flatMap((saga) => sagas.steps(saga.id));
      const counts = summedUp(packs.ofRollout(id), samples.ofRollout(id));
      return { rollout, samples: counts, sagas: ofRollout, steps };
    },
    sagas: async (rollout) => sagas.ofRollout(rollout),
    runningSagas: async () => sagas.running(),
    steps: async (saga) => sagas.steps(saga),
    samples: async (rollout) => samplesOf(rollout),
    unpacked: async (rollout) => samples.ofRollout(rollout),
    packs: async (rollout, from, limit) => packs.ofRollout(rollout, from, limit),
    seasons: async (system) => seasons.ofSystem(system),
    route: async (system) => routes.get(system),
    flags: async () => flags.all(),
    tokens: async () => tokens.all(),
    entries: async (from, limit) => entries.from(from, limit),
    entriesAbout: async (about, limit, type) => entries.about(about, limit, type),
    entryCount: async () => entries.count(),
    checkpoint: async () => entries.checkpoint(),
    close: async () => {
      checkpoints?.close();
      connection.close();
      freeLock();
    },
  };
}
