import { type Control, createControl } from "../control/control.ts";
import type { ControlPorts } from "../control/ports.ts";
import type { Clock, Ids, RestoreAdapter, Store, TrafficAdapter } from "../core/ports.ts";
import type { Instant } from "../core/time.ts";
import { drawChance } from "../simulation/draws.ts";
import { seededSettings } from "./seeded-system.ts";
import type { Witness } from "./witness.ts";
import { inject, type World } from "./world.ts";

/** A controller as a process: it can be killed between any two steps, or stand still while the world goes on. */
export interface ControllerProcess {
  readonly name: string;
  readonly control: Control;
  readonly alive: boolean;
  readonly diedAt: Instant | undefined;
  /** Nothing that it awaits is ever answered again; what it has sent stays on its way. */
  kill(): void;
  /** Hears nothing before this moment. */
  pause(until: Instant): void;
  /** Settles when it is killed. */
  readonly death: Promise<void>;
}

/** Thrown at a crash point, where a process cannot just stop; nobody is left to catch it. */
class Crash extends Error {}

interface Life {
  alive: boolean;
  diedAt?: Instant;
  pausedUntil: Instant;
}

export function bootController(world: World, witness: Witness, name: string, ids: Ids): ControllerProcess {
  const life: Life = { alive: true, pausedUntil: 0 };
  const { promise: death, resolve } = Promise.withResolvers<void>();
  const kill = () => {
    life.alive = false;
    life.diedAt ??= world.clock.now();
    resolve();
  };
  const gate = gateOf(world, life);
  const ports: ControlPorts = {
    store: gatedStore(world, witness, name, gate),
    clock: gatedClock(world.clock, gate),
    ids,
    traffic: gatedTraffic(witness.watchTraffic(world.ports.traffic), life),
    signals: { drain: () => (life.alive ? world.ports.signals.drain() : []) },
    adapterFor: () => gatedAdapter(witness.watchTarget(world.ports.target), gate),
    checkpoint: async () => undefined,
    notifier: { notify: () => Promise.reject(new Error("the channel is down")) },
    emit: ({ kind, text }) => {
      if (life.alive && kind !== "judged" && kind !== "proving") world.say(name, `${kind}: ${text}`);
    },
    atCrashPoint: (point) => {
      if (!life.alive || !witness.crashesHere()) return;
      inject(world, `crash at ${point}`);
      kill();
      throw new Crash(point);
    },
  };
  const facts = {
    ledger: () => Promise.reject(new Error("a seeded world keeps no ledger")),
    lastCandidateDispatch: () => undefined,
  };
  const control = createControl(ports, seededSettings(name), world.system.playbook, facts);
  return {
    name,
    control,
    kill,
    death,
    pause: (until) => {
      life.pausedUntil = until;
    },
    get alive() {
      return life.alive;
    },
    get diedAt() {
      return life.diedAt;
    },
  };
}

type Gate = <T>(call: () => Promise<T>) => Promise<T>;

/** The effect of a call happens in any case; its answer is only heard by a process that lives and is awake. */
function gateOf(world: World, life: Life): Gate {
  return async (call) => {
    if (!life.alive) return never();
    try {
      return await call();
    } finally {
      while (life.alive && world.clock.now() < life.pausedUntil) {
        await world.clock.sleep(life.pausedUntil - world.clock.now());
      }
      if (!life.alive) await never();
    }
  };
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

function gatedClock(clock: Clock, gate: Gate): Clock {
  return { now: clock.now, sleep: (span, signal) => gate(() => clock.sleep(span, signal)) };
}

function gatedStore(world: World, witness: Witness, name: string, gate: Gate): Store {
  const { store } = world.ports;
  const random = world.random.fork(`store of ${name}`);
  const fails = () => drawChance(random, world.scenario.storeErrors);
  const gated = Object.entries(store).map(([name, method]) => {
    const call = method as (...given: readonly unknown[]) => Promise<unknown>;
    return [name, (...given: readonly unknown[]) => gate(() => call(...given))] as const;
  });
  return {
    ...(Object.fromEntries(gated) as unknown as Store),
    commit: (changes, guard) =>
      gate(async () => {
        if (fails()) throw storeError(world, "store error before a write");
        const committed = await store.commit(changes, guard);
        if (committed.kind === "committed") witness.committed(changes);
        if (fails()) throw storeError(world, "store error after a write");
        return committed;
      }),
  };
}

function storeError(world: World, kind: string): Error {
  inject(world, kind);
  return new Error(kind);
}

function gatedTraffic(traffic: TrafficAdapter, life: Life): TrafficAdapter {
  return {
    current: traffic.current,
    set: (route) => life.alive && traffic.set(route),
    renew: (system, until) => life.alive && traffic.renew(system, until),
  };
}

function gatedAdapter(adapter: RestoreAdapter, gate: Gate): RestoreAdapter {
  return {
    name: adapter.name,
    guarantee: adapter.guarantee,
    serves: (at) => adapter.serves(at),
    read: (at, signal) => gate(() => adapter.read(at, signal)),
    holds: (at, digest, signal) => gate(() => adapter.holds(at, digest, signal)),
    apply: (request, signal) => gate(() => adapter.apply(request, signal)),
  };
}
