import type { RolloutEvent, Settings } from "../control/ports.ts";
import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { FlagState, Notifier, RestoreAdapter, Store, TokenRecord } from "../core/ports.ts";
import type { Release, ReleaseId } from "../core/release.ts";
import { operationsOf } from "../operations/operations.ts";
import { createLedger, type Ledger } from "../record/ledger/ledger.ts";
import type { CrashPoint } from "../restore/crash-point.ts";
import { createApi } from "../server/api.ts";
import { createEventStream } from "../server/event-stream.ts";
import { reportToAny, takeBlocks } from "../traffic/attribution/outcome-intake.ts";
import { createAssignments } from "../traffic/flags/assignments.ts";
import { createFlags, type FlagBook } from "../traffic/flags/flag-book.ts";
import { answerOfrep } from "../traffic/flags/ofrep.ts";
import { openAlertIntake } from "./alert-intake.ts";
import { serveApi } from "./api-server.ts";
import { createConnections, type Named } from "./connections/connections.ts";
import { notifierOf } from "./control-ports.ts";
import type { EdgeSettings } from "./edge.ts";
import { knowReleases } from "./known-releases.ts";
import { pageFile } from "./page-files.ts";
import { type ProtectedSystem, protectSystem } from "./protected-system.ts";
import { createReplicas } from "./replicas/replicas.ts";
import { issueToken } from "./secrets.ts";
import { agreeOnKey, type OpenedStore, openStore, type SharedStore } from "./shared-store.ts";
import { watchStore } from "./store-health.ts";
import { systemClock } from "./system-clock.ts";
import { flagAdapter } from "./system-flags.ts";
import { systemIds } from "./system-ids.ts";

export interface RollbookConfig {
  /** Everything that Rollbook writes lies in here, but for what is in a shared store. */
  readonly folder: string;
  /** The Postgres that this process shares with other replicas; without it the store is a file of the folder. */
  readonly shared?: SharedStore;
  /** What the ledger calls itself: its signed heads begin with `rollbook.dev/ledger/NAME`. */
  readonly ledgerName: string;
  /** Port of the API and the page; taken ports are replaced by a free one. */
  readonly apiPort: number;
  /** Flags that exist when the data folder is new. */
  readonly flags: readonly FlagState[];
  /** Revisions of flags that can be brought into effect besides those. */
  readonly flagRevisions?: readonly FlagState[];
  readonly connections?: readonly Named[];
  /** Adapters besides those of the connections. */
  readonly adapters?: readonly RestoreAdapter[];
  readonly onEvent?: (event: RolloutEvent) => void;
  readonly log?: (text: string) => void;
  /** Takes the place of the connections' channels. */
  readonly notifier?: Notifier;
  readonly settings?: Partial<Settings>;
  readonly atCrashPoint?: (point: CrashPoint) => void;
}

/** A running Rollbook: control plane, edges, flags, page and store in one process, alone or one of several replicas. */
export interface Rollbook {
  readonly url: string;
  readonly moved: boolean;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly systems: ReadonlyMap<string, ProtectedSystem>;
  /** What restores the component at this address. @throws RELEASE_REFUSED */
  adapterFor(at: string): RestoreAdapter;
  /** A release that this process has met, without asking the store. */
  releaseKnown(id: ReleaseId): Release | undefined;
  issueToken(role: TokenRecord["role"], id: string): Promise<string>;
  /** Opens the edge of an AI system and takes it under its playbook. */
  protect(playbook: Playbook, edge: EdgeSettings): Promise<ProtectedSystem>;
  stop(): Promise<void>;
}

const CHECKPOINT_MS = 1000;

/** @throws DATA_FOLDER_IN_USE, STORE_UNSAFE; leaves nothing open then, not even the connections. */
export async function startRollbook(config: RollbookConfig): Promise<Rollbook> {
  let opened: OpenedStore | undefined;
  try {
    opened = await openStore(config);
    return await startOver(config, opened);
  } catch (error) {
    await opened?.exchange?.close();
    await opened?.store.close();
    for (const { connection } of config.connections ?? []) await connection.close?.();
    throw error instanceof RollbookError ? error : unusable(config.folder, error as NodeJS.ErrnoException, !opened);
  }
}

/** What the operating system says of a data folder that is a file, read-only, full or somebody else's. */
function unusable(folder: string, error: NodeJS.ErrnoException, opening: boolean): Error {
  const isOurs = error.code === "ERR_SQLITE_ERROR" || (opening && error.syscall !== undefined);
  if (!isOurs) return error;
  return new RollbookError("STORE_UNSAFE", { reason: `the data folder ${folder} cannot be used: ${error.message}` });
}

async function startOver(config: RollbookConfig, { store: opened, exchange, keys }: OpenedStore): Promise<Rollbook> {
  const log = config.log ?? (() => undefined);
  const systems = new Map<string, ProtectedSystem>();
  let notifier = config.notifier;
  const health = watchStore(opened, systemClock.now, (reason) => tellOver(reason, systems, notifier, log));
  const releases = knowReleases(health.store);
  const { store } = releases;
  const origin = `rollbook.dev/ledger/${config.ledgerName}`;
  const ledger = createLedger({ store, origin, key: keys.ledger });
  if (exchange) await agreeOnKey(exchange, ledger.verifierKey);
  const flags = await flagsOf(config, store);
  const assignments = createAssignments(systemClock);
  const connections = createConnections(config.connections ?? [], [flagAdapter(flags), ...(config.adapters ?? [])]);
  const events = createEventStream();
  notifier ??= notifierOf(connections, log);
  const replicas =
    exchange &&
    createReplicas({
      store,
      exchange,
      name: systemIds.next("replica"),
      log,
      learn: releases.meet,
      hear: events.publish,
      followFlags: (all) => {
        for (const flag of all) flags.follow(flag);
      },
    });
  const table = operationsOf({
    store,
    storeHealth: health,
    ledger,
    connections,
    systems,
    issueToken: (role, id) => issueToken(store, role, id),
    reportOutcomes: (items) => reportToAny(countersOf(systems), items),
    takeBlocks: (blocks) => takeBlocks(countersOf(systems), blocks),
  });
  const operations = replicas?.share(table) ?? table;
  const releaseFlags = () => [...systems.values()].flatMap(({ edge }) => (edge.flag ? [edge.flag] : []));
  const ofrep = (method: string, path: string, body: string, etag: string | undefined) =>
    answerOfrep(flags, method, path, body, etag, { releases: releaseFlags(), changes: "/ofrep/v1/changes" }) ?? {
      status: 404,
      headers: {},
      body: "{}",
    };
  const lookAt = operations.find(({ name }) => name === "look");
  const look = async (system: string, reason: string, key: string) =>
    lookAt?.run({ system, reason, key } as never, "rollbook");
  const alerts = openAlertIntake({ connections, systems, store, look, log });
  const api = createApi({
    alerts: alerts.take,
    store,
    operations,
    events,
    flags: ofrep,
    assignments,
    ill: () => health.over()?.reason,
    page: pageFile,
    log,
  });
  const server = await serveApi(api, config.apiPort);
  const checkpoints = signRegularly(ledger, log);
  return {
    url: server.url,
    moved: server.moved,
    store,
    ledger,
    systems,
    adapterFor: connections.adapterFor,
    releaseKnown: releases.get,
    issueToken: (role, id) => issueToken(store, role, id),
    async protect(playbook, edge) {
      if (systems.has(playbook.system))
        throw new RollbookError("USAGE", { what: `${playbook.system} is protected already` });
      await releases.learn(playbook.system);
      const shared = {
        config,
        store,
        ledger,
        connections,
        flags,
        requestKey: keys.request,
        publish: (event: object) => {
          events.publish(event);
          replicas?.publish(event);
        },
        ...(replicas ? { replicas } : {}),
      };
      const system = await protectSystem(shared, playbook, edge);
      systems.set(playbook.system, system);
      if (system.edge.flag) assignments.join(system.edge.flag);
      return system;
    },
    async stop() {
      checkpoints.stop();
      alerts.stop();
      await replicas?.stop();
      events.close();
      assignments.close();
      await Promise.all([...systems.values()].map((system) => system.stop()));
      await server.close();
      await connections.close();
      await store.close();
    },
  };
}

/** A store that failed for ever is said to whoever runs the process, and to the people of every system. */
function tellOver(
  reason: string,
  systems: ReadonlyMap<string, ProtectedSystem>,
  notifier: Notifier | undefined,
  log: (text: string) => void,
): void {
  log(
    `STORE FAILED: ${reason} What is contained stays contained; nothing is recorded until this process is started again.`,
  );
  const what = "the store failed: start Rollbook again";
  const text = `${reason}\nWhat is contained stays contained. Nothing is recorded, released or restored until then.`;
  for (const { system, playbook } of systems.values())
    notifier?.notify(playbook().who.now, `${system}: ${what}`, text, system).catch(() => undefined);
}

function countersOf(systems: ReadonlyMap<string, ProtectedSystem>) {
  return new Map([...systems].map(([name, { counter }]) => [name, counter]));
}

/** The flags as they were kept; what a configuration names first is only where a new folder begins. */
async function flagsOf(config: RollbookConfig, store: Store): Promise<FlagBook> {
  const kept = await store.flags();
  const initial = config.flags.map((flag) => kept.find(({ key }) => key === flag.key) ?? flag);
  const flags = createFlags(initial, async (flag, guard) => {
    const kept = await store.commit([{ kind: "flag", flag }], guard);
    if (kept.kind === "fenced") throw new Error(`${kept.holder} acts now: the flag ${flag.key} was not changed`);
  });
  for (const flag of [...config.flags, ...(config.flagRevisions ?? [])]) flags.register(flag);
  return flags;
}

function signRegularly(ledger: Ledger, log: (text: string) => void): { readonly stop: () => void } {
  const stopped = new AbortController();
  const loop = async () => {
    while (!stopped.signal.aborted) {
      await systemClock.sleep(CHECKPOINT_MS, stopped.signal);
      if (stopped.signal.aborted) return;
      await ledger.checkpoint().catch((error: Error) => log(`ledger: no checkpoint could be signed: ${error.message}`));
    }
  };
  void loop();
  return { stop: () => stopped.abort() };
}
