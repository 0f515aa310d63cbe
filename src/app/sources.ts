import type { Seat } from "../control/seat.ts";
import type { Playbook } from "../core/playbook.ts";
import type { PolledSource, SignalSource, SourceHealth, Store, TrafficAdapter } from "../core/ports.ts";
import type { Release } from "../core/release.ts";
import { unfinishedRollout } from "../core/unfinished-rollout.ts";
import type { Connections } from "./connections/connections.ts";
import { systemClock } from "./system-clock.ts";
import { systemIds } from "./system-ids.ts";

/** The sources of one system that have to be asked, beside what its own edge counts. */
export interface Sources extends SignalSource {
  /** Asks all of them at once. */
  ask(): Promise<void>;
  /** What each said when it was asked last, by the connection's name. */
  health(): Readonly<Record<string, SourceHealth>>;
  stop(): void;
}

/** How long one source may take to answer. */
const PATIENCE_MS = 10_000;

/** Polls the connections that the playbook's signals name, each at its own pace. */
export function openSources(
  playbook: Playbook,
  connections: Connections,
  store: Store,
  traffic: TrafficAdapter,
): Sources {
  let arms: { readonly stable?: Release; readonly candidate?: Release } = {};
  const names = [...new Set(playbook.signals.map(({ from }) => from))].filter(
    (from) => !["gateway", "events"].includes(from),
  );
  const sources = new Map<string, PolledSource>();
  for (const name of names) {
    const signals = playbook.signals.filter(({ from }) => from === name);
    const node = systemIds.next(name);
    sources.set(name, connections.source(name, { system: playbook.system, signals, node, arms: () => arms }));
  }
  const health: Record<string, SourceHealth> = {};
  const stopped = new AbortController();
  const asking = new Map<string, Promise<void>>();

  const refresh = async () => {
    arms = await armsOf(playbook, store, traffic);
  };
  const askOne = (name: string, source: PolledSource): Promise<void> => {
    const running = asking.get(name);
    if (running) return running;
    const ask = async () => {
      await refresh();
      health[name] = await source.poll(AbortSignal.any([stopped.signal, AbortSignal.timeout(PATIENCE_MS)]));
    };
    const asked = ask()
      .catch((error: Error) => {
        health[name] = { kind: "error", reason: error.message };
      })
      .finally(() => asking.delete(name));
    asking.set(name, asked);
    return asked;
  };
  for (const [name, source] of sources) {
    const loop = async () => {
      while (!stopped.signal.aborted) {
        await askOne(name, source);
        await systemClock.sleep(source.everyMs, stopped.signal);
      }
    };
    void loop();
  }
  return {
    drain: () => [...sources.values()].flatMap((source) => source.drain()),
    ask: async () => void (await Promise.all([...sources].map(([name, source]) => askOne(name, source)))),
    health: () => health,
    stop: () => stopped.abort(),
  };
}

/** Which releases a source's labels may mean now: those of the open rollout, or what serves. */
async function armsOf(playbook: Playbook, store: Store, traffic: TrafficAdapter) {
  const { system } = playbook;
  const open = await unfinishedRollout(store, system);
  const stableId = open?.stable ?? traffic.current(system)?.stable ?? (await store.lastKnownGood(system))?.release;
  const stable = stableId && (await store.release(stableId));
  const candidate = open && (await store.release(open.candidate));
  return { ...(stable ? { stable } : {}), ...(candidate ? { candidate } : {}) };
}

/** Sources that are there only while this process has the seat: each time new, so that nothing is counted twice. */
export function createTurnedSources(open: () => Sources, seat: Seat): Sources {
  let current: Sources | undefined;
  const stop = () => {
    current?.stop();
    current = undefined;
  };
  const own = (): Sources | undefined => {
    if (!current && seat.lease()) {
      current = open();
      seat.follow({ renewed: () => undefined, lost: stop });
    }
    return current;
  };
  return {
    drain: () => own()?.drain() ?? [],
    ask: async () => own()?.ask(),
    health: () => current?.health() ?? {},
    stop,
  };
}
