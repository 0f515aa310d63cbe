import { type Digest, digestOf } from "../core/digest.ts";
import { type Plan, planDigest, type Step } from "../core/plan.ts";
import type { Applied, Change, Observed, RestoreAdapter, RestoreRequest, Store } from "../core/ports.ts";
import type { Lease, Saga, StepRecord } from "../core/rollout.ts";
import { createSimulatedClock } from "../simulation/clock.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import type { CrashPoint } from "./crash-point.ts";
import { resourceOf } from "./resource-leases.ts";
import { startSaga } from "./saga-runner.ts";
import type { SagaPorts } from "./step-run.ts";

export const OLD = digestOf("old");
export const NEW = digestOf("new");
export const OTHER = digestOf("other");
export const START = 1_000_000;

/** A restore target in memory, with compare-and-set and keys, that a test can make misbehave. */
export interface Target extends RestoreAdapter {
  /** What it really serves, by address; NEW where nothing was said. */
  readonly live: Map<string, Digest>;
  /** Every effect that really happened. */
  readonly effects: RestoreRequest[];
  readonly requests: RestoreRequest[];
  onRead: (at: string, signal: AbortSignal) => Promise<Observed | undefined>;
  /** Answers instead of the target before the effect. */
  onApply: (request: RestoreRequest, signal: AbortSignal) => Promise<Applied | undefined>;
  /** Answers instead of the target after the effect. */
  onApplied: (request: RestoreRequest, signal: AbortSignal) => Promise<Applied | undefined>;
}

export function createTarget(log: string[] = []): Target {
  const versions = new Map<string, number>();
  const version = (at: string) => String(versions.get(at) ?? 1);
  const keys = new Set<string>();
  const target: Target = {
    name: "memory",
    guarantee: "cas",
    undo: () => "compensatable",
    live: new Map(),
    effects: [],
    requests: [],
    onRead: async () => undefined,
    onApply: async () => undefined,
    onApplied: async () => undefined,
    serves: () => true,
    holds: async () => true,
    async read(at, signal) {
      log.push(`read ${at}`);
      const answer = await target.onRead(at, signal);
      return answer ?? { kind: "live", digest: target.live.get(at) ?? NEW, version: version(at) };
    },
    async apply(request, signal) {
      log.push(`apply ${request.at}`);
      target.requests.push(request);
      const before = await target.onApply(request, signal);
      if (before) return before;
      if (keys.has(request.key)) return { kind: "already" };
      if (request.before.version !== version(request.at)) return { kind: "conflict", reason: "another version serves" };
      keys.add(request.key);
      versions.set(request.at, Number(version(request.at)) + 1);
      target.live.set(request.at, request.desired);
      target.effects.push(request);
      return (await target.onApplied(request, signal)) ?? { kind: "applied" };
    },
  };
  return target;
}

/** A step that the plan expects to find NEW before, as plans of releases and rollbacks say. */
export function aPlannedStep(id: string, after: readonly string[] = []): Step {
  return { ...aStep(id, after), before: NEW };
}

export function aStep(id: string, after: readonly string[] = []): Step {
  return { id, component: id, at: id, desired: OLD, label: `${id} 1`, undo: "compensatable", after };
}

export function aSaga(steps: readonly Step[]): Saga {
  const plan: Plan = { system: "loans", kind: "rollback", from: NEW, to: OLD, steps, deadline: 60_000 };
  return {
    id: "saga-1",
    rollout: "rollout-1",
    plan,
    planDigest: planDigest(plan),
    status: "running",
    startedAt: START,
  };
}

/** One durable store, one clock, one target; processes come and go. */
export function createWorld() {
  const log: string[] = [];
  const clock = createSimulatedClock(START);
  const store = createMemoryStore();
  const target = createTarget(log);
  /** What is sent carries the fence of the newest process. */
  let fence = 1;
  const fences = new Map<string, number>();
  /** The lease of a target has at least this fence. */
  const fencedAt = async (at: string, wanted: number): Promise<number> => {
    for (let known = fences.get(at) ?? 0; known < wanted; known += 1)
      await store.acquireLease(resourceOf(at), "whoever acts", 3000, clock.now());
    fences.set(at, Math.max(wanted, fences.get(at) ?? 0));
    return wanted;
  };
  const ports = (over: Partial<SagaPorts> = {}): SagaPorts => ({
    store: logging(store, log),
    clock,
    adapterFor: () => target,
    atCrashPoint: () => undefined,
    onStep: () => undefined,
    fenceAt: (at) => fencedAt(at, fence),
    ...over,
  });
  const lease = async (holder = "one"): Promise<Lease> => {
    const take = () => store.acquireLease("system:loans", holder, 3000, clock.now());
    let taken = await take();
    if (!taken) {
      await clock.advance(3000);
      taken = (await take())!;
    }
    fence = taken.fence;
    return taken;
  };
  let begun: readonly Change[] = [];
  /** Records a saga as whoever decides on it does; answers it as it was recorded. */
  const started = async (saga: Saga, held: Lease): Promise<Saga> => {
    const { resource, fence } = held;
    const recorded = { ...saga, starts: 1 };
    begun = startSaga({ clock }, recorded, held);
    await logging(store, log).commit(begun, { resource, fence });
    return recorded;
  };
  /** What the newest saga was recorded with. */
  const newest = () => begun;
  return { log, clock, store, target, ports, lease, started, newest, fencedAt };
}

/** The same store; what it was asked to write is noted when it *has been written*. */
function logging(store: Store, log: string[]): Store {
  return {
    ...store,
    async commit(changes, guard, claim) {
      const answer = await store.commit(changes, guard, claim);
      for (const change of changes)
        if (change.kind === "step" && answer.kind === "committed")
          log.push(`${change.record.status} ${change.record.step}`);
      return answer;
    },
  };
}

/** Thrown where a test ends the process. */
export class Killed extends Error {}

/** Ports of a process that dies at the n-th pass of a crash point: from then on nothing that it does has any effect. */
export function mortal(ports: SagaPorts, point: CrashPoint, nth: number): SagaPorts & { readonly dead: () => boolean } {
  let passes = 0;
  let dead = false;
  const never = new Promise<never>(() => undefined);
  const alive = <T>(call: () => Promise<T>): Promise<T> =>
    dead ? never : call().then((value) => (dead ? never : value));
  const { store } = ports;
  return {
    ...ports,
    dead: () => dead,
    store: { ...store, commit: (...args) => alive(() => store.commit(...args)) },
    adapterFor: (at) => {
      const adapter = ports.adapterFor(at);
      return {
        ...adapter,
        read: (...args) => alive(() => adapter.read(...args)),
        apply: (...args) => alive(() => adapter.apply(...args)),
      };
    },
    atCrashPoint: (passed) => {
      if (passed !== point || ++passes < nth) return;
      dead = true;
      throw new Killed(point);
    },
  };
}

/** The journal of the saga by step. */
export async function journalOf(store: Store): Promise<Readonly<Record<string, StepRecord>>> {
  return Object.fromEntries((await store.steps("saga-1")).map((record) => [record.step, record]));
}
