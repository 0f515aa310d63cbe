import type { Checkpoint, Entry, Route } from "../core/entry.ts";
import { leafOf, newestAbout } from "../core/leaf.ts";
import type { Change, FlagState, PackUpdate, SeasonUpdate, Store, TokenRecord } from "../core/ports.ts";
import type { KnownGood, Quarantine, Release } from "../core/release.ts";
import type { Lease, Rollout, Saga, SeasonHour, StepRecord } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import { byKeyOfSamples, keyOf, type SamplePack, samplesIn, summedUp } from "../core/sample-pack.ts";
import type { Instant } from "../core/time.ts";
import { frozenCopy } from "./frozen-copy.ts";
import { renew, take, takeAll, usurperOf } from "./memory-leases.ts";

export interface MemoryStoreOptions {
  /** The store's own clock, by which leases run as they do in a database; absent: that of whoever asks. */
  readonly now?: () => Instant;
}

/**
 * A store that lives as long as this object: for simulated worlds and tests. A simulated crash keeps the object and
 * starts a new controller over it; `close` therefore does nothing. What is read is frozen and never changes.
 */
export function createMemoryStore({ now: ownNow }: MemoryStoreOptions = {}): Store {
  const tables = emptyTables();
  return {
    commit: async (changes, guard, claim) => {
      const usurper = guard && usurperOf(tables.leases, guard);
      if (usurper !== undefined) return { kind: "fenced", holder: usurper };
      // Everything that can fail happens before the first write.
      insistOnNextPacks(tables, changes);
      const prepared = changes.map((change) => prepare(tables, change));
      for (const write of prepared) write();
      const claimed = claim && takeAll(tables.leases, claim, ownNow);
      return { kind: "committed", ...(claimed && { claimed }) };
    },
    acquireLease: async (resource, holder, ttl, asked) => {
      const now = ownNow?.() ?? asked;
      return take(tables.leases, { resource, holder, until: now + ttl }, now);
    },
    renewLease: async (lease, ttl, asked) => renew(tables.leases, lease, (ownNow?.() ?? asked) + ttl),
    renewLeases: async (leases, ttl, asked) =>
      leases.flatMap((lease) => renew(tables.leases, lease, (ownNow?.() ?? asked) + ttl) ?? []),
    release: async (id) => tables.releases.get(id),
    lastKnownGood: async (system) => tables.knownGoods.get(system),
    quarantine: async (release) => tables.quarantines.get(release),
    rollout: async (id) => tables.rollouts.get(id),
    rollouts: async (system, limit) => newestFirst(tables.rollouts, system).slice(0, limit),
    promoted: async (system, limit) =>
      newestFirst(tables.rollouts, system)
        .filter(({ promotedAt }) => promotedAt !== undefined)
        .slice(0, limit),
    openRollouts: async (system) => newestFirst(tables.rollouts, system).filter(({ endedAt }) => endedAt === undefined),
    record: async (id) => {
      const rollout = tables.rollouts.get(id);
      if (rollout === undefined) return undefined;
      const sagas = sagasOf(tables, id);
      const steps = sagas.flatMap((saga) => [...(tables.steps.get(saga.id)?.values() ?? [])]);
      const samples = summedUp(tables.packs.get(id) ?? [], unpackedOf(tables, id));
      return { rollout, samples, sagas, steps };
    },
    sagas: async (rollout) => sagasOf(tables, rollout),
    runningSagas: async () => [...tables.sagas.values()].filter((saga) => saga.status === "running"),
    steps: async (saga) => [...(tables.steps.get(saga)?.values() ?? [])],
    samples: async (rollout) => samplesOf(tables, rollout),
    unpacked: async (rollout) => unpackedOf(tables, rollout),
    packs: async (rollout, from, limit) => (tables.packs.get(rollout) ?? []).slice(from, from + limit),
    seasons: async (system) => [...(tables.seasons.get(system)?.values() ?? [])].sort(bySeason),
    route: async (system) => tables.routes.get(system),
    flags: async () => [...tables.flags.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    tokens: async () => [...tables.tokens.values()],
    entries: async (from, limit) => tables.entries.slice(from, from + limit),
    entriesAbout: async (about, limit, type) => newestAbout(tables.entries, about, limit, type),
    entryCount: async () => tables.entries.length,
    checkpoint: async () => tables.checkpoint,
    close: async () => {},
  };
}

interface Tables {
  readonly releases: Map<string, Release>;
  readonly knownGoods: Map<string, KnownGood>;
  readonly quarantines: Map<string, Quarantine>;
  readonly rollouts: Map<string, Rollout>;
  readonly sagas: Map<string, Saga>;
  readonly steps: Map<string, Map<string, StepRecord>>;
  /** Packed or not: what is packed is read as it was. */
  readonly samples: Map<string, SampleSet>;
  readonly packs: Map<string, SamplePack[]>;
  readonly seasons: Map<string, Map<string, SeasonHour>>;
  readonly routes: Map<string, Route>;
  readonly flags: Map<string, FlagState>;
  readonly tokens: Map<string, TokenRecord>;
  readonly entries: Entry[];
  readonly leases: Map<string, Lease>;
  checkpoint: Checkpoint | undefined;
}

interface SampleSet {
  readonly byKey: Map<string, Sample>;
  readonly unpacked: Map<string, Sample>;
  /** All samples, and the unpacked ones, in order; made when somebody asks. */
  sorted?: readonly Sample[] | undefined;
  sortedUnpacked?: readonly Sample[] | undefined;
}

function emptyTables(): Tables {
  return {
    releases: new Map(),
    knownGoods: new Map(),
    quarantines: new Map(),
    rollouts: new Map(),
    sagas: new Map(),
    steps: new Map(),
    samples: new Map(),
    packs: new Map(),
    seasons: new Map(),
    routes: new Map(),
    flags: new Map(),
    tokens: new Map(),
    entries: [],
    leases: new Map(),
    checkpoint: undefined,
  };
}

/** Copies what a change carries and answers the write, which cannot fail. */
function prepare(tables: Tables, change: Change): () => unknown {
  switch (change.kind) {
    case "release":
      return putting(tables.releases, change.release.id, change.release);
    case "known-good":
      return putting(tables.knownGoods, change.knownGood.system, change.knownGood);
    case "quarantine":
      return putting(tables.quarantines, change.quarantine.release, change.quarantine);
    case "rollout":
      return putting(tables.rollouts, change.rollout.id, change.rollout);
    case "saga":
      return putting(tables.sagas, change.saga.id, change.saga);
    case "step": {
      const record = frozenCopy(change.record);
      return () =>
        getOrAdd(tables.steps, record.saga, () => new Map()).set(
          JSON.stringify([record.step, record.direction ?? "forward"]),
          record,
        );
    }
    case "samples":
      return adding(tables.samples, change.rollout, change.samples.map(frozenCopy));
    case "pack":
      return packing(tables, frozenCopy(change));
    case "season":
      return remembering(tables.seasons, frozenCopy(change));
    case "route":
      return putting(tables.routes, change.route.system, change.route);
    case "flag":
      return putting(tables.flags, change.flag.key, change.flag);
    case "token":
      return putting(tables.tokens, change.token.id, change.token);
    case "checkpoint": {
      const checkpoint = frozenCopy(change.checkpoint);
      return () => {
        if (checkpoint.size >= (tables.checkpoint?.size ?? 0)) tables.checkpoint = checkpoint;
      };
    }
    case "entry": {
      const leaf = leafOf(change.entry);
      return () => tables.entries.push(Object.freeze({ index: tables.entries.length, leaf }));
    }
    default:
      throw new TypeError(`unknown change ${JSON.stringify(change satisfies never)}`);
  }
}

function putting<T>(table: Map<string, T>, key: string, entity: T): () => unknown {
  const copy = frozenCopy(entity);
  return () => table.set(key, copy);
}

function adding(table: Map<string, SampleSet>, rollout: string, samples: readonly Sample[]): () => unknown {
  return () => {
    const set = sampleSetOf(table, rollout);
    for (const sample of samples) {
      const key = keyOf(sample);
      if (set.byKey.has(key)) continue;
      set.byKey.set(key, sample);
      set.unpacked.set(key, sample);
    }
    Object.assign(set, { sorted: undefined, sortedUnpacked: undefined });
  };
}

function sampleSetOf(table: Map<string, SampleSet>, rollout: string): SampleSet {
  return getOrAdd(table, rollout, () => ({ byKey: new Map(), unpacked: new Map() }));
}

/** Packs of one commit may follow one another. */
function insistOnNextPacks({ packs }: Tables, changes: readonly Change[]): void {
  const next = new Map<string, number>();
  for (const change of changes) {
    if (change.kind !== "pack") continue;
    const { rollout, pack } = change;
    const number = next.get(rollout) ?? packs.get(rollout)?.length ?? 0;
    if (pack.number !== number) throw new Error(`pack ${pack.number} of ${rollout} is not the next one, ${number}`);
    next.set(rollout, number + 1);
  }
}

function packing(tables: Tables, { rollout, pack }: PackUpdate): () => unknown {
  const samples = samplesIn(pack);
  const packs = getOrAdd(tables.packs, rollout, () => []);
  return () => {
    const set = sampleSetOf(tables.samples, rollout);
    for (const sample of samples) {
      const key = keyOf(sample);
      if (!set.unpacked.delete(key) && !set.byKey.has(key)) set.byKey.set(key, frozenCopy(sample));
    }
    Object.assign(set, { sorted: undefined, sortedUnpacked: undefined });
    packs[pack.number] = pack;
  };
}

function remembering(
  table: Map<string, Map<string, SeasonHour>>,
  { system, hours, oldest }: SeasonUpdate,
): () => unknown {
  return () => {
    const known = getOrAdd(table, system, () => new Map<string, SeasonHour>());
    for (const hour of hours) known.set(JSON.stringify([hour.hour, hour.signal]), hour);
    for (const [key, { hour }] of known) if (hour < oldest) known.delete(key);
  };
}

function bySeason(a: SeasonHour, b: SeasonHour): number {
  return a.hour - b.hour || byText(a.signal, b.signal);
}

function getOrAdd<T>(table: Map<string, T>, key: string, make: () => T): T {
  const found = table.get(key) ?? make();
  table.set(key, found);
  return found;
}

function samplesOf(tables: Tables, rollout: string): readonly Sample[] {
  const set = tables.samples.get(rollout);
  if (set) set.sorted ??= inOrder(set.byKey);
  return set?.sorted ?? [];
}

function inOrder(samples: ReadonlyMap<string, Sample>): readonly Sample[] {
  return Object.freeze([...samples.values()].sort(byKeyOfSamples));
}

function sagasOf({ sagas }: Tables, rollout: string): readonly Saga[] {
  return [...sagas.values()].filter((saga) => saga.rollout === rollout);
}

function unpackedOf(tables: Tables, rollout: string): readonly Sample[] {
  const set = tables.samples.get(rollout);
  if (set) set.sortedUnpacked ??= inOrder(set.unpacked);
  return set?.sortedUnpacked ?? [];
}

function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** A map keeps the place of what is set again. */
function newestFirst(rollouts: ReadonlyMap<string, Rollout>, system: string | undefined): readonly Rollout[] {
  return [...rollouts.values()].filter((rollout) => system === undefined || rollout.system === system).reverse();
}
