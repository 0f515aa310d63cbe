import assert from "node:assert/strict";
import { systemClock } from "../../src/app/system-clock.ts";
import { digestOf } from "../../src/core/digest.ts";
import { type Plan, planDigest, type Step } from "../../src/core/plan.ts";
import type { Change, Store } from "../../src/core/ports.ts";
import type { Lease, Saga } from "../../src/core/rollout.ts";
import { claimOf, type FenceAt, holdingResources } from "../../src/restore/resource-leases.ts";
import { PATIENCE, runSaga, startSaga } from "../../src/restore/saga-runner.ts";
import { anEntry, aRollout, aRoute } from "../../src/testing/store/fixtures.ts";
import { createInstantTarget, NEW, OLD } from "./instant-target.ts";

/** `whole`: a chain, with what control reads and leases beside the decision's commit. */
export type Way = "chain" | "abreast" | "whole";

export interface SagaTimes {
  /** Milliseconds from the decision until the first effect arrived. */
  readonly first: number;
  /** Milliseconds from the decision until the end of the saga was durable. */
  readonly end: number;
  /** Commits of the store, the decision's too. */
  readonly commits: number;
  /** Leases taken or given back: a durable write each. */
  readonly leases: number;
  /** Intents that were in the store when the first effect arrived; looked at only when asked for. */
  readonly intents?: number;
}

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const HOUR = 3_600_000;
const LEASE = 3000;

/** A controller that decides to go back again and again, each time with a saga of eight steps, over instant targets. */
export async function createSagaClient(given: Store, name: string) {
  const system = `system-${name}`;
  const count = { commits: 0, leases: 0 };
  const store = counting(given, count);
  const lease = (await given.acquireLease(`system:${system}`, "bench", HOUR, Date.now()))!;
  const target = createInstantTarget();
  const base = { clock: systemClock, adapterFor: () => target, atCrashPoint: () => undefined, onStep: () => undefined };
  let decisions = 0;

  return async (way: Way, look = false): Promise<SagaTimes> => {
    decisions += 1;
    const id = `${name}-${process.hrtime.bigint()}`;
    const saga = sagaOf(id, planOf(system, way));
    let intents: number | undefined;
    const lookUp = async () => {
      intents ??= (await given.steps(id)).length;
    };
    target.renew(look ? lookUp : undefined);
    Object.assign(count, { commits: 0, leases: 0 });
    const decided = performance.now();
    const started = startSaga({ clock: systemClock }, saga, lease);
    const decision = decisionOf(saga, decisions, started);
    const run = (fenceAt: FenceAt) => runSaga({ ...base, store, fenceAt }, saga, lease, PATIENCE, started);
    const whole = () => wayBack(store, { saga, decision, lease }, run);
    const bare = () => store.commit(decision, lease).then(() => run(async () => lease.fence));
    let ended = 0;
    const end = await (way === "whole" ? whole() : bare()).finally(() => {
      ended = performance.now();
    });
    assert.equal(end?.kind, "completed");
    assert.equal(target.arrivals.length, NAMES.length, "each effect once");
    const times = { first: target.arrivals[0]! - decided, end: ended - decided, ...count };
    return intents === undefined ? times : { ...times, intents };
  };
}

interface Decided {
  readonly saga: Saga;
  readonly decision: readonly Change[];
  readonly lease: Lease;
}

/** What control does from a decision to the end of its saga; it finds no earlier saga. */
async function wayBack<End>(
  store: Store,
  { saga, decision, lease }: Decided,
  run: (fenceAt: FenceAt) => Promise<End>,
): Promise<End | undefined> {
  const earlier = store.sagas(saga.rollout);
  const now = systemClock.now();
  const written = await store.commit(decision, lease, claimOf(saga, LEASE, now));
  const claim = {
    resources: saga.plan.steps.map(({ at }) => at),
    holder: saga.rollout,
    leaseMs: LEASE,
    guard: lease,
    held: written.kind === "committed" && written.claimed ? { leases: written.claimed, since: now } : undefined,
    onWait: () => assert.fail("nobody else changes these targets"),
    stopped: () => false,
  };
  return holdingResources({ store, clock: systemClock }, claim, async (fenceAt) => {
    await earlier;
    return run(fenceAt);
  });
}

/** Everything that control writes with a decision to go back, but samples: there is no traffic here. */
function decisionOf(saga: Saga, epoch: number, started: readonly Change[]): readonly Change[] {
  const { system, from: release } = saga.plan;
  const { id, rollout, startedAt } = saga;
  const route = aRoute(epoch, { system });
  const rollback = { saga: id, cause: ["harm", "losses"], decidedAt: startedAt, containedAt: startedAt };
  const entries = (["verdict", "contained", "quarantined", "saga-started"] as const).map((type): Change => {
    const data = { saga: id, plan: saga.planDigest, release, epoch, because: ["losses"] };
    return { kind: "entry", entry: anEntry(type, { type, at: startedAt, system, rollout, data }) };
  });
  return [
    { kind: "rollout", rollout: aRollout(rollout, { system, phase: "degraded", rollback }) },
    { kind: "route", route },
    { kind: "quarantine", quarantine: { release, system, since: startedAt, reason: "losses" } },
    ...entries,
    ...started,
  ];
}

/** Ready before the decision, as plans back are. */
function planOf(system: string, way: Way): Plan {
  const steps = NAMES.map((id, index): Step => {
    const after = way === "abreast" ? [] : NAMES.slice(Math.max(0, index - 1), index);
    const at = `memory://${system}/${id}`;
    return { id, component: id, at, before: NEW, desired: OLD, label: `${id} 1`, undo: "compensatable", after };
  });
  const [from, to] = [digestOf(`${system} 2`), digestOf(`${system} 1`)];
  return { system, kind: "rollback", from, to, steps, deadline: 60_000 };
}

function sagaOf(id: string, plan: Plan): Saga {
  const digest = planDigest(plan);
  return { id, rollout: `of-${id}`, plan, planDigest: digest, status: "running", startedAt: Date.now(), starts: 1 };
}

function counting(store: Store, count: { commits: number; leases: number }): Store {
  return {
    ...store,
    commit(changes, guard, claim) {
      count[changes.length > 0 ? "commits" : "leases"] += 1;
      return store.commit(changes, guard, claim);
    },
  };
}
