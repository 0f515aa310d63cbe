import { type Control, createControl } from "../control/control.ts";
import type { ControlPorts } from "../control/ports.ts";
import { underSeat } from "../control/seat.ts";
import type { Clock, Ids, Random, RestoreAdapter, Store, TrafficAdapter } from "../core/ports.ts";
import type { Lease } from "../core/rollout.ts";
import type { Instant } from "../core/time.ts";
import { drawChance } from "../simulation/draws.ts";
import { type Hardship, hardshipOf } from "./hardship.ts";
import { type Gate, gateOf, type Life, newLife } from "./process-life.ts";
import { sagaSettings } from "./saga-system.ts";
import { seededSettings } from "./seeded-system.ts";
import { createSimulatedSeat, type SimulatedSeat } from "./simulated-seat.ts";
import type { Witness } from "./witness.ts";
import { inject, storeError, type World } from "./world.ts";

/** A controller as a process: it can be killed between any two steps, or stand still while the world goes on. */
export interface ControllerProcess {
  readonly name: string;
  readonly control: Control;
  readonly alive: boolean;
  readonly diedAt: Instant | undefined;
  /** Asks for its seat, where it needs one. */
  mayAct(): Promise<boolean>;
  /** Leaves its seat to whoever wants it. */
  rest(): void;
  /** Nothing that it awaits is ever answered again; what it has sent stays on its way. */
  kill(): void;
  /** Hears nothing before this moment. */
  pause(until: Instant): void;
  /** Its clock jumps by this. */
  jump(span: number): void;
  /** Settles when it is killed. */
  readonly death: Promise<void>;
}

/** Thrown at a crash point, where a process cannot just stop; nobody is left to catch it. */
class Crash extends Error {}

export function bootController(world: World, witness: Witness, name: string, ids: Ids, skew = 0): ControllerProcess {
  const life = newLife(skew);
  const { promise: death, resolve } = Promise.withResolvers<void>();
  const kill = () => {
    life.alive = false;
    life.diedAt ??= world.clock.now();
    resolve();
  };
  const { crowd } = world.scenario;
  const hardship = crowd && hardshipOf(world, crowd, world.random.fork(`hardship of ${name}`), life, kill);
  const gate = gateOf(world, life, hardship?.befall);
  const clock = gatedClock(world.clock, gate, life);
  const { seat, ...ports } = portsOf(world, witness, { name, ids, life, kill, hardship, gate, clock });
  const control = createControl(
    seat ? { ...ports, seat } : ports,
    crowd ? sagaSettings(name) : seededSettings(name),
    world.system.playbook,
    {
      ledger: () => Promise.reject(new Error("a seeded world keeps no ledger")),
      lastCandidateDispatch: () => undefined,
    },
  );
  return {
    name,
    control,
    kill,
    death,
    mayAct: async () => seat?.take() ?? true,
    rest: () => seat?.rest(),
    pause: (until) => {
      life.pausedUntil = until;
    },
    jump: (span) => {
      life.skew += span;
    },
    get alive() {
      return life.alive;
    },
    get diedAt() {
      return life.diedAt;
    },
  };
}

interface Body {
  readonly name: string;
  readonly ids: Ids;
  readonly life: Life;
  readonly kill: () => void;
  readonly hardship: Hardship | undefined;
  readonly gate: Gate;
  readonly clock: Clock;
}

type Ports = Omit<ControlPorts, "seat"> & { readonly seat?: SimulatedSeat };

function portsOf(world: World, witness: Witness, body: Body): Ports {
  const { name, ids, life, kill, hardship, gate, clock } = body;
  const watched = witness.watchTarget(world.ports.target, name);
  const target = gatedAdapter(hardship ? hardship.target(watched) : watched, gate);
  const store = gatedStore(world, witness, body);
  const { system } = world.system.playbook;
  const seat = world.scenario.crowd?.seats ? createSimulatedSeat(store, clock, world.clock, system, name) : undefined;
  return {
    ...(seat && { seat }),
    store: seat ? underSeat(store, system, seat) : store,
    clock,
    ids,
    traffic: gatedTraffic(witness.watchTraffic(world.ports.traffic), life),
    signals: { drain: () => (life.alive ? inOwnTime(world.ports.signals.drain(), life) : []) },
    adapterFor: () => target,
    checkpoint: async () => undefined,
    notifier: { notify: () => Promise.reject(new Error("the channel is down")) },
    emit: ({ kind, text }) => {
      if (!life.alive || kind === "judged" || kind === "proving") return;
      if (kind === "thawed") witness.toldOfThaw(text);
      world.say(name, `${kind}: ${text}`);
    },
    atCrashPoint: (point) => {
      if (!life.alive || !(witness.crashesHere() || hardship?.crashes())) return;
      inject(world, `crash at ${point}`);
      kill();
      throw new Crash(point);
    },
  };
}

function gatedClock(clock: Clock, gate: Gate, life: Life): Clock {
  return {
    now: () => clock.now() + life.skew,
    sleep: (span, signal) => gate("sleep", () => clock.sleep(span, signal)),
  };
}

type Samples = ReturnType<ControlPorts["signals"]["drain"]>;

/** The data plane is part of the process, and goes by its clock. */
function inOwnTime(samples: Samples, { skew }: Life): Samples {
  if (skew === 0) return samples;
  return samples.map((sample) => ({
    ...sample,
    bucket: sample.bucket + Math.floor(skew / 1000) * 1000,
    ...(sample.known === undefined ? {} : { known: sample.known + skew }),
  }));
}

function gatedStore(world: World, witness: Witness, { name, hardship, gate, clock }: Body): Store {
  const store: Store = witness.watchStore(world.ports.store, name);
  const commit = failing(world, world.random.fork(`store of ${name}`), store.commit);
  const reach = hardship?.reach;
  const ask: <Answer>(call: () => Promise<Answer>) => Promise<Answer> = reach
    ? (call) => gate("store", () => reach(call))
    : (call) => gate("store", call);
  const gated: Record<string, unknown> = {};
  for (const method of Object.keys(store) as (keyof Store)[]) {
    const call = store[method] as (...given: unknown[]) => Promise<unknown>;
    gated[method] = (...given: unknown[]) => ask(() => call(...given));
  }
  /** A lease ends by the clock of whoever holds it, counted from the question. */
  const inOwnTime = async (ttl: number, call: () => Promise<Lease | undefined>) => {
    const until = clock.now() + ttl;
    const lease = await ask(call);
    return lease && { ...lease, until };
  };
  return Object.assign(gated as unknown as Store, {
    acquireLease: (resource, holder, ttl, now) => inOwnTime(ttl, () => store.acquireLease(resource, holder, ttl, now)),
    renewLease: (lease, ttl, now) => inOwnTime(ttl, () => store.renewLease(lease, ttl, now)),
    commit: (changes, guard, claim) => ask(() => commit(changes, guard, claim)),
  } satisfies Partial<Store>);
}

/** A write may fail, before or after it was made. */
function failing(world: World, random: Random, commit: Store["commit"]): Store["commit"] {
  const { storeErrors } = world.scenario;
  if (storeErrors === 0) return commit;
  const mayFail = (kind: string) => {
    if (!drawChance(random, storeErrors)) return;
    inject(world, kind);
    throw storeError(kind);
  };
  return async (changes, guard, claim) => {
    mayFail("store error before a write");
    const committed = await commit(changes, guard, claim);
    mayFail("store error after a write");
    return committed;
  };
}

function gatedTraffic(traffic: TrafficAdapter, life: Life): TrafficAdapter {
  return {
    current: traffic.current,
    set: (route) => life.alive && traffic.set(route),
    renew: (system, until) => life.alive && traffic.renew(system, until - life.skew),
  };
}

function gatedAdapter(adapter: RestoreAdapter, gate: Gate): RestoreAdapter {
  const { seen, rivals, readRival, writeRival } = adapter;
  return {
    ...(rivals && { rivals: (at, signal) => gate("target", () => rivals(at, signal)) }),
    ...(readRival && { readRival: (rival, signal) => gate("target", () => readRival(rival, signal)) }),
    ...(writeRival && { writeRival: (request, signal) => gate("target", () => writeRival(request, signal)) }),
    ...(seen && { seen: (at, digest, signal) => gate("target", () => seen(at, digest, signal)) }),
    name: adapter.name,
    guarantee: adapter.guarantee,
    undo: (at) => adapter.undo(at),
    serves: (at) => adapter.serves(at),
    read: (at, signal) => gate("target", () => adapter.read(at, signal)),
    holds: (at, digest, signal) => gate("target", () => adapter.holds(at, digest, signal)),
    apply: (request, signal) => gate("target", () => adapter.apply(request, signal)),
  };
}
