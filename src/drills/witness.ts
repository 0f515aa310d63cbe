import { leafOf } from "../core/leaf.ts";
import type { Change, Guard, RestoreAdapter, Store, TrafficAdapter } from "../core/ports.ts";
import type { RestoreRequest } from "../core/restore-port.ts";
import type { Rollout, StepRecord } from "../core/rollout.ts";
import { keyOf } from "../core/sample-pack.ts";
import { intendedUnder, intentsIn } from "./noted-store.ts";
import { seededSettings } from "./seeded-system.ts";
import type { World } from "./world.ts";

/**
 * Stands beside the controllers, remembers what the store has acknowledged, and checks what must hold at every moment.
 * What must hold at the end is in `invariants.ts`.
 */
export interface Witness {
  /** The store as one process uses it. */
  watchStore(store: Store, process: string): Store;
  /** The targets as one process uses them. */
  watchTarget(adapter: RestoreAdapter, process: string): RestoreAdapter;
  watchTraffic(adapter: TrafficAdapter): TrafficAdapter;
  /** Is this crash point, the nth that was reached in this world, one to crash at? */
  crashesHere(): boolean;
  /** People were told who works again, and who must be thawed by hand. */
  toldOfThaw(text: string): void;
  /** A person was told that the order to go back is durable. */
  ordered(): void;
  violate(law: string): void;
  readonly violations: readonly string[];
  /** What people were told of rivals. */
  readonly thaws: readonly string[];
  readonly acknowledged: Acknowledged;
  /** Requests that the candidate had served when a rollback had become durable. */
  readonly servedAtContainment: number | undefined;
}

export interface Acknowledged {
  readonly leaves: readonly string[];
  /** Newest state of everything that has an id. */
  readonly states: ReadonlyMap<string, unknown>;
  readonly samples: number;
  /** The order to go back. */
  readonly cord: boolean;
}

export function createWitness(world: World): Witness {
  const { clock, traffic, system } = world;
  const leaves: string[] = [];
  const states = new Map<string, unknown>();
  const steps = new Map<string, StepRecord>();
  const violations: string[] = [];
  const thaws: string[] = [];
  const { exposureMs } = seededSettings("");
  /** By key: what is sent again because an answer was lost is one. */
  const samples = new Set<string>();
  let cord = false;
  let points = 0;
  let promoted = false;
  let servedAtContainment: number | undefined;
  let decided: Rollout["rollback"];
  const violate = (law: string) => {
    violations.push(law);
    world.say("VIOLATION", law);
  };
  const fences = watchFences(violate);
  /** Who wrote the first intents of a saga, by key. */
  const firstBy = new Map<string, string>();

  function rolloutCommitted(rollout: Rollout): void {
    states.set(`rollout ${rollout.id}`, rollout);
    if (decided && !rollout.rollback) violate("a decided rollback was forgotten");
    if (rollout.rollback && !decided) servedAtContainment = traffic.served(system.candidate.id).requests;
    decided = rollout.rollback ?? decided;
    if (rollout.phase === "healthy") promoted = true;
  }

  function stepCommitted(record: StepRecord): void {
    const key = `${record.saga} ${record.step} ${record.direction ?? "forward"}`;
    states.set(`step ${key}`, record);
    const before = steps.get(key);
    if (before?.status === "done" && record.status !== "done") violate(`${key} was done and is not any more`);
    steps.set(key, record);
  }

  function committed(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === "entry") leaves.push(leafOf(change.entry));
      else if (change.kind === "samples") for (const sample of change.samples) samples.add(keyOf(sample));
      else if (change.kind === "step") stepCommitted(change.record);
      else if (change.kind === "rollout") rolloutCommitted(change.rollout);
      else if (change.kind === "quarantine") states.set(`quarantine ${change.quarantine.release}`, change.quarantine);
    }
  }

  /** By this process, under the fence that is sent, which is its own. */
  function isIntended({ at, key, fence }: Pick<RestoreRequest, "at" | "key" | "fence">, process: string): boolean {
    if (!fences.isOf({ resource: `target:${at}`, fence }, process)) return false;
    if (world.intended.has(intendedUnder(key, fence))) return true;
    return world.intended.has(intendedUnder(key)) && firstBy.get(key) === process;
  }

  return {
    violate,
    violations,
    thaws,
    toldOfThaw: (text) => void thaws.push(text),
    ordered: () => {
      cord = true;
    },
    acknowledged: {
      leaves,
      states,
      get samples() {
        return samples.size;
      },
      get cord() {
        return cord;
      },
    },
    get servedAtContainment() {
      return servedAtContainment;
    },
    crashesHere: () => world.scenario.crashAtPoint.includes(++points),
    watchStore: (store, process) => ({
      ...store,
      commit: (changes, guard, claim) =>
        store.commit(changes, guard, claim).then((answer) => {
          if (answer.kind === "committed") {
            fences.wrote(guard, process);
            for (const lease of answer.claimed ?? []) fences.taken(lease, process);
            for (const { key, targetFence } of intentsIn(changes))
              if (targetFence === undefined) firstBy.set(key, process);
            committed(changes);
          }
          return answer;
        }),
      acquireLease: (...asked) =>
        store.acquireLease(...asked).then((lease) => {
          if (lease) fences.taken(lease, process);
          return lease;
        }),
    }),
    watchTarget: (adapter, process) => ({
      ...adapter,
      serves: (at) => adapter.serves(at),
      apply(request, signal) {
        const intent = world.intents.get(request.key);
        if (!isIntended(request, process)) violate(`an effect at ${request.at} was sent before its intent was durable`);
        if (
          decided === undefined &&
          intent?.direction !== "compensate" &&
          request.desired === system.stable.revisions[request.at.slice(4)]?.digest
        ) {
          const same = request.desired === system.candidate.revisions[request.at.slice(4)]?.digest;
          if (!same) violate(`${request.at} was restored before anything was contained`);
        }
        return adapter.apply(request, signal);
      },
      ...(adapter.writeRival && {
        writeRival(request, signal) {
          if (!isIntended(request, process))
            violate(`the rival at ${request.through} was told something before its intent was durable`);
          return adapter.writeRival!(request, signal);
        },
      }),
    }),
    watchTraffic: (adapter) => ({
      current: adapter.current,
      set: adapter.set,
      renew(name, until) {
        if (!promoted && until > clock.now() + exposureMs) violate("an exposure was renewed for longer than its lease");
        adapter.renew(name, until);
      },
    }),
  };
}

/** A fence belongs to one process, and nothing is written under one when a greater one was given to somebody. */
function watchFences(violate: (law: string) => void) {
  const owners = new Map<string, string>();
  const greatest = new Map<string, number>();
  return {
    isOf: ({ resource, fence }: Guard, process: string): boolean => owners.get(`${resource} ${fence}`) === process,
    taken({ resource, fence }: Guard, process: string): void {
      const owner = owners.get(`${resource} ${fence}`);
      if (owner !== undefined && owner !== process) violate("two controllers hold one fence");
      owners.set(`${resource} ${fence}`, process);
      greatest.set(resource, Math.max(fence, greatest.get(resource) ?? 0));
    },
    wrote(guard: Guard | undefined, process: string): void {
      for (const { resource, fence } of guardsIn(guard)) {
        if (fence < (greatest.get(resource) ?? 0)) violate("the store accepted a write of a stale fence");
        else if (owners.get(`${resource} ${fence}`) !== process) violate("a controller wrote under a fence of another");
      }
    },
  };
}

function guardsIn(guard: Guard | undefined): readonly Guard[] {
  return guard ? [guard, ...guardsIn(guard.also)] : [];
}
