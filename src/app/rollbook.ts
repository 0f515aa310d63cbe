import { type Control, createControl } from "../control/control.ts";
import type { RolloutEvent, Settings } from "../control/ports.ts";
import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { FlagState, Notifier, Store, TokenRecord } from "../core/ports.ts";
import { type OutcomeItem, operationsOf } from "../operations/operations.ts";
import type { Ledger } from "../record/ledger/ledger.ts";
import { createLedger } from "../record/ledger/ledger.ts";
import type { LedgerState } from "../record/report.ts";
import type { CrashPoint } from "../restore/crash-point.ts";
import { type ApiParts, createApi } from "../server/api.ts";
import { createEventStream } from "../server/event-stream.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { type Counter, createCounter } from "../traffic/attribution/counter.ts";
import { createFlags, type FlagBook } from "../traffic/flags/flag-book.ts";
import { answerOfrep } from "../traffic/flags/ofrep.ts";
import { createGateway, type Gateway } from "../traffic/gateway/gateway.ts";
import { adaptersOf, portsOf } from "./control-ports.ts";
import { pageFile } from "./page-files.ts";
import { issueToken, ledgerKey, requestKey } from "./secrets.ts";
import { serveApi } from "./serve.ts";
import { settingsOf } from "./settings.ts";
import { systemClock } from "./system-clock.ts";
import { systemIds } from "./system-ids.ts";

export interface RollbookConfig {
  /** Everything that Rollbook writes lies in here. */
  readonly folder: string;
  readonly playbook: Playbook;
  /** Port of the API and the page; taken ports are replaced by a free one. */
  readonly apiPort: number;
  readonly gatewayPort: number;
  /** Flags that exist when the data folder is new. */
  readonly flags: readonly FlagState[];
  readonly onEvent?: (event: RolloutEvent) => void;
  readonly log?: (text: string) => void;
  readonly notifier?: Notifier;
  readonly settings?: Partial<Settings>;
  readonly atCrashPoint?: (point: CrashPoint) => void;
}

/** Where the AI system that is protected answers. */
export interface ProtectedSystem {
  /** Base URLs of the hosts that component addresses name, for example `{ lending: "http://127.0.0.1:7001" }`. */
  readonly hosts: Readonly<Record<string, string>>;
  readonly upstreams: { readonly stable: string; readonly candidate: string };
}

/** A running Rollbook: control plane, gateway, flags, page and store in one process. */
export interface Rollbook {
  readonly url: string;
  readonly moved: boolean;
  readonly store: Store;
  readonly ledger: Ledger;
  issueToken(role: TokenRecord["role"], id: string): Promise<string>;
  /** Starts the gateway in front of the AI system and takes it under the playbook. */
  protect(
    system: ProtectedSystem,
  ): Promise<{ readonly gateway: string; readonly moved: boolean; readonly control: Control }>;
  stop(): Promise<void>;
}

const CHECKPOINT_MS = 1000;

/** @throws DATA_FOLDER_IN_USE, STORE_UNSAFE; leaves nothing open then. */
export async function startRollbook(config: RollbookConfig): Promise<Rollbook> {
  const store = await openSqliteStore({ folder: config.folder, now: systemClock.now });
  try {
    return await startOver(config, store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function startOver(config: RollbookConfig, store: Store): Promise<Rollbook> {
  const { folder, playbook } = config;
  const log = config.log ?? (() => undefined);
  const ledger = createLedger({ store, origin: `rollbook.dev/ledger/${playbook.system}`, key: ledgerKey(folder) });
  const flags = await flagsOf(config, store);
  const counter = createCounter({
    signals: playbook.signals,
    node: systemIds.next("gateway"),
    clock: systemClock,
    requestKey: requestKey(folder),
  });
  const events = createEventStream();
  let gateway: Gateway | undefined;
  let control: Control | undefined;
  const operations = operationsOf({
    store,
    ledger,
    control: () => {
      if (control) return control;
      throw new RollbookError("SYSTEM_UNREACHABLE", { reason: "no AI system is connected yet" });
    },
    reportOutcomes: (items) => countOutcomes(counter, items),
  });
  const api = createApi({ store, operations, events, flags: ofrepOf(flags), page: pageFile, log });
  const server = await serveApi(api, config.apiPort);
  const checkpoints = signRegularly(ledger, log);
  return {
    url: server.url,
    moved: server.moved,
    store,
    ledger,
    issueToken: (role, id) => issueToken(store, role, id),
    async protect(system) {
      gateway = createGateway({
        system: playbook.system,
        clock: systemClock,
        counter,
        requestKey: requestKey(folder),
        upstreams: system.upstreams,
      });
      const { port, moved } = await gateway.listen(config.gatewayPort, "127.0.0.1");
      const emit = (event: RolloutEvent) => {
        config.onEvent?.(event);
        events.publish({ ...event, candidatePpm: gateway?.traffic.current(playbook.system)?.candidatePpm ?? 0 });
      };
      const ports = portsOf(config, store, ledger, gateway, counter, adaptersOf(system, flags), emit);
      const settings = { ...settingsOf(playbook, systemIds.next("controller")), ...config.settings };
      control = createControl(ports, settings, playbook, {
        ledger: () => ledgerState(store, ledger),
        lastCandidateDispatch: () => gateway?.lastDispatchToCandidate(),
      });
      await routeAsRecorded(store, gateway, playbook.system);
      return { gateway: `http://127.0.0.1:${port}`, moved, control };
    },
    async stop() {
      checkpoints.stop();
      events.close();
      await gateway?.close();
      await server.close();
      await store.close();
    },
  };
}

/** The flags as they were kept; what a configuration names first is only where a new folder begins. */
async function flagsOf(config: RollbookConfig, store: Store): Promise<FlagBook> {
  const kept = await store.flags();
  const initial = config.flags.map((flag) => kept.find(({ key }) => key === flag.key) ?? flag);
  const flags = createFlags(initial, async (flag) => {
    await store.commit([{ kind: "flag", flag }]);
  });
  for (const flag of config.flags) flags.register(flag);
  return flags;
}

function ofrepOf(flags: FlagBook): ApiParts["flags"] {
  return (method, path, body, etag) =>
    answerOfrep(flags, method, path, body, etag) ?? { status: 404, headers: {}, body: "{}" };
}

function countOutcomes(counter: Counter, items: readonly OutcomeItem[]) {
  let rejected = 0;
  for (const { request, counts } of items) if (counter.report(request, counts).kind === "rejected") rejected += 1;
  return { accepted: items.length - rejected, rejected };
}

/**
 * After a restart traffic is on the last known good release. A candidate of a rollout that is still open gets nothing
 * until its controller takes it up again; a promoted one keeps its share beside the holdback.
 */
async function routeAsRecorded(store: Store, gateway: Gateway, system: string): Promise<void> {
  const route = await store.route(system);
  const known = await store.lastKnownGood(system);
  if (route && route.candidate === known?.release) {
    gateway.traffic.set(route);
    gateway.traffic.renew(system, Number.MAX_SAFE_INTEGER);
  } else if (route) gateway.traffic.set({ ...route, candidatePpm: 0 });
  else if (known) gateway.traffic.set({ system, epoch: 1, stable: known.release, candidatePpm: 0 });
}

/** What a report says of the ledger; a broken one is said, and does not take the report away. */
async function ledgerState(store: Store, ledger: Ledger): Promise<LedgerState> {
  const head = await ledger.checkpoint().catch((error: unknown) => {
    if (error instanceof RollbookError && error.code === "LEDGER_BROKEN") return store.checkpoint();
    throw error;
  });
  const verified = await ledger.verify();
  return {
    size: head?.size ?? 0,
    root: head?.root ?? "",
    verified: verified.kind === "verified",
    checkpoint: head?.note ?? "",
  };
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
