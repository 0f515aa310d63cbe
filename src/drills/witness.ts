import { canonicalJson, type Json } from "../core/digest.ts";
import { leafOf } from "../core/leaf.ts";
import type { Change, RestoreAdapter, TrafficAdapter } from "../core/ports.ts";
import type { Rollout, StepRecord } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import { seededSettings } from "./seeded-system.ts";
import type { World } from "./world.ts";

/**
 * Stands beside the controllers, remembers what the store has acknowledged, and checks what must hold at every moment.
 * What must hold at the end is in `invariants.ts`.
 */
export interface Witness {
  /** The store has acknowledged these changes. */
  committed(changes: readonly Change[]): void;
  watchTarget(adapter: RestoreAdapter): RestoreAdapter;
  watchTraffic(adapter: TrafficAdapter): TrafficAdapter;
  /** Is this crash point, the nth that was reached in this world, one to crash at? */
  crashesHere(): boolean;
  violate(law: string): void;
  readonly violations: readonly string[];
  readonly acknowledged: Acknowledged;
  /** Requests that the candidate had served when a rollback had become durable. */
  readonly servedAtContainment: number | undefined;
}

export interface Acknowledged {
  readonly leaves: readonly string[];
  /** Newest state of everything that has an id, as canonical JSON. */
  readonly states: ReadonlyMap<string, string>;
  readonly samples: number;
  readonly steps: ReadonlyMap<string, StepRecord>;
}

function keyOf({ node, sequence, bucket, signal, release, group }: Sample): string {
  return JSON.stringify([node, sequence, bucket, signal, release, group]);
}

export function createWitness(world: World): Witness {
  const { clock, traffic, system } = world;
  const leaves: string[] = [];
  const states = new Map<string, string>();
  const steps = new Map<string, StepRecord>();
  const violations: string[] = [];
  const { exposureMs } = seededSettings("");
  /** By key: what is sent again because an answer was lost is one. */
  const samples = new Set<string>();
  let points = 0;
  let promoted = false;
  let servedAtContainment: number | undefined;
  let decided: Rollout["rollback"];

  const violate = (law: string) => {
    violations.push(law);
    world.say("VIOLATION", law);
  };
  const remember = (kind: string, id: string, state: unknown) =>
    states.set(`${kind} ${id}`, canonicalJson(state as Json));

  function rolloutCommitted(rollout: Rollout): void {
    remember("rollout", rollout.id, rollout);
    if (decided && !rollout.rollback) violate("a decided rollback was forgotten");
    if (rollout.rollback && !decided) servedAtContainment = traffic.served(system.candidate.id).requests;
    decided = rollout.rollback ?? decided;
    if (rollout.phase === "healthy") promoted = true;
  }

  function stepCommitted(record: StepRecord): void {
    const key = `${record.saga} ${record.step} ${record.direction ?? "forward"}`;
    remember("step", key, record);
    if (steps.get(key)?.status === "done" && record.status !== "done") violate(`${key} was done and is not any more`);
    steps.set(key, record);
  }

  return {
    violate,
    violations,
    acknowledged: {
      leaves,
      states,
      steps,
      get samples() {
        return samples.size;
      },
    },
    get servedAtContainment() {
      return servedAtContainment;
    },
    crashesHere: () => world.scenario.crashAtPoint.includes(++points),
    committed(changes) {
      for (const change of changes) {
        if (change.kind === "entry") leaves.push(leafOf(change.entry));
        else if (change.kind === "samples") for (const sample of change.samples) samples.add(keyOf(sample));
        else if (change.kind === "step") stepCommitted(change.record);
        else if (change.kind === "rollout") rolloutCommitted(change.rollout);
        else if (change.kind === "quarantine") remember("quarantine", change.quarantine.release, change.quarantine);
      }
    },
    watchTarget: (adapter) => ({
      ...adapter,
      serves: (at) => adapter.serves(at),
      apply(request, signal) {
        const intended = [...steps.values()].find(
          ({ key, fence, status }) => key === request.key && fence === request.fence && status === "intent",
        );
        const takesBack = intended?.direction === "compensate";
        if (!intended) violate(`an effect at ${request.at} was sent before its intent was durable`);
        if (
          decided === undefined &&
          !takesBack &&
          request.desired === system.stable.revisions[request.at.slice(4)]?.digest
        ) {
          const same = request.desired === system.candidate.revisions[request.at.slice(4)]?.digest;
          if (!same) violate(`${request.at} was restored before anything was contained`);
        }
        return adapter.apply(request, signal);
      },
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
