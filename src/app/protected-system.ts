import { type Control, createControl } from "../control/control.ts";
import { FencedError } from "../control/fenced-error.ts";
import type { RolloutEvent } from "../control/ports.ts";
import { type Seat, underSeat } from "../control/seat.ts";
import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Guard, Store, TrafficAdapter } from "../core/ports.ts";
import type { Ledger } from "../record/ledger/ledger.ts";
import type { LedgerState } from "../record/report.ts";
import { type Counter, createCounter } from "../traffic/attribution/counter.ts";
import type { FlagBook } from "../traffic/flags/flag-book.ts";
import type { Connections } from "./connections/connections.ts";
import { portsOf } from "./control-ports.ts";
import { type Edge, type EdgeSettings, openEdge } from "./edge.ts";
import type { Replicas } from "./replicas/replicas.ts";
import type { RollbookConfig } from "./rollbook.ts";
import { settingsOf } from "./settings.ts";
import { createTurnedSources, openSources, type Sources } from "./sources.ts";
import { createSwitchableCounter } from "./switchable-counter.ts";
import { systemClock } from "./system-clock.ts";
import { flagAdapter } from "./system-flags.ts";
import { systemIds } from "./system-ids.ts";

/** One AI system under its playbook, in this process. */
export interface ProtectedSystem {
  readonly system: string;
  readonly edge: Edge;
  readonly counter: Counter;
  playbook(): Playbook;
  control(): Control;
  sources(): Sources;
  /**
   * Runs whenever this process may act on the system, until the signal ends it: at once and for ever where it is the
   * only one.
   */
  attend(begin: (signal: AbortSignal) => void): void;
  /** Which replica acts on it; undefined where there are no replicas. */
  holder(): { readonly here: boolean; readonly name?: string } | undefined;
  /** Takes a new playbook of the same system into effect. Nothing of it may be running. */
  replace(playbook: Playbook): void;
  /** Lets go of what was counted, while there is nothing to judge it against. */
  dropCounts(): void;
  /** Begins to notice who changes components without Rollbook. */
  watch(): void;
  stop(): Promise<void>;
}

/** What all systems of one process share. */
export interface Shared {
  readonly config: RollbookConfig;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly connections: Connections;
  readonly flags: FlagBook;
  readonly requestKey: Uint8Array;
  readonly replicas?: Replicas;
  readonly publish: (event: object) => void;
}

export async function protectSystem(
  shared: Shared,
  first: Playbook,
  edgeSettings: EdgeSettings,
): Promise<ProtectedSystem> {
  const { config, store, ledger, connections, replicas, requestKey: key } = shared;
  const { system } = first;
  const counterOf = ({ signals, triggers }: Playbook) =>
    createCounter({ signals, triggers, node: systemIds.next("gateway"), clock: systemClock, requestKey: key });
  const counter = createSwitchableCounter(counterOf(first));
  for (const id of await releasesOf(store, system)) counter.know(id);
  const edge = await openEdge(first, edgeSettings, counter, key);
  const orClosed = async <Done>(work: () => Done | Promise<Done>): Promise<Done> => {
    try {
      return await work();
    } catch (error) {
      await edge.close();
      throw error;
    }
  };
  await orClosed(() => routeAsRecorded(store, edge.traffic, system));
  const emit = (event: RolloutEvent) => {
    config.onEvent?.(event);
    shared.publish({ ...event, candidatePpm: edge.traffic.current(system)?.candidatePpm ?? 0 });
  };
  let watching: AbortController | undefined;
  const ended = new AbortController();
  let newest = first;
  const joined = replicas?.join({
    system,
    edge: edge.traffic,
    drain: () => counter.drain(),
    acts: () => newest.authority === "act",
  });
  const drain = () => [...counter.drain(), ...(joined?.mail() ?? [])];
  const build = (playbook: Playbook) => {
    // Of several replicas the holder alone asks: the others would count the same once more.
    const open = () => openSources(playbook, connections, store, edge.traffic);
    const sources = joined ? createTurnedSources(open, joined.seat) : open();
    // What cannot be opened is said now, and not when we have to act.
    if (joined) open().stop();
    const parts = {
      store: joined ? underSeat(store, system, joined.seat) : store,
      ledger,
      connections,
      adapters: [
        ...(edgeSettings.adapters ?? []),
        // Alone this process owns the store: whoever acts next here claims the flag before reading it, and so keeps out what
        // was under way.
        flagAdapter(shared.flags, (own) => (joined ? bySeat(own, system, joined.seat) : own)),
      ],
      edge: joined ? { ...edge, traffic: joined.traffic } : edge,
      sources,
      drain,
      emit,
      ...(joined ? { seat: joined.seat } : {}),
    };
    const settings = { ...settingsOf(playbook, systemIds.next("controller")), ...config.settings };
    const control = createControl(portsOf(config, playbook, parts), settings, playbook, {
      ledger: () => ledgerState(store, ledger),
      lastCandidateDispatch: () => edge.lastToCandidate(),
    });
    return { playbook, sources, control };
  };
  let now = await orClosed(() => build(first));
  const watch = () => {
    watching?.abort();
    watching = new AbortController();
    const { signal } = watching;
    now.control
      .watch(signal)
      .catch((error: Error) => config.log?.(`${system}: nobody looks on any more: ${error.stack}`));
  };
  return {
    system,
    edge,
    counter,
    playbook: () => now.playbook,
    control: () => now.control,
    sources: () => now.sources,
    replace(playbook) {
      // Built first: what cannot be built leaves the old one as it is.
      const next = build(playbook);
      const watched = watching !== undefined;
      watching?.abort();
      now.sources.stop();
      counter.exchange(counterOf(playbook));
      now = next;
      newest = playbook;
      if (watched) watch();
    },
    dropCounts() {
      drain();
      now.sources.drain();
    },
    watch,
    attend(begin) {
      if (!joined) return begin(ended.signal);
      joined.attend((signal) => {
        signal.addEventListener("abort", () => watching?.abort(), { once: true });
        begin(signal);
      });
    },
    holder: () => joined?.holder(),
    async stop() {
      ended.abort();
      watching?.abort();
      now.control.close();
      now.sources.stop();
      await edge.close();
    },
  };
}

/** A guard that holds only as long as nobody else took the seat. @throws FencedError when we know that already. */
function bySeat(own: Guard, system: string, seat: Seat): Guard {
  const lease = seat.lease();
  if (!lease) throw new FencedError(`system:${system}`);
  return { ...own, also: { resource: lease.resource, fence: lease.fence } };
}

/** Releases that late outcomes may still belong to. */
async function releasesOf(store: Store, system: string) {
  const rollouts = await store.rollouts(system, 200);
  return new Set(rollouts.flatMap(({ stable, candidate }) => [stable, candidate]));
}

/**
 * After a restart traffic is where it was recorded, and a candidate gets nothing until a living controller takes its
 * rollout up again: the last known good is what the route calls stable, or what was settled last.
 */
async function routeAsRecorded(store: Store, traffic: TrafficAdapter, system: string): Promise<void> {
  const route = await store.route(system);
  const known = await store.lastKnownGood(system);
  if (route) traffic.set({ ...route, candidatePpm: 0 });
  else if (known) traffic.set({ system, epoch: 1, stable: known.release, candidatePpm: 0 });
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
