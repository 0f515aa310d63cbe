import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import { defineRelease } from "../core/release.ts";
import type { Rollback, Rollout } from "../core/rollout.ts";
import { createSimulatedClock } from "../simulation/clock.ts";
import { createSeededIds } from "../simulation/ids.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { createSeededRandom } from "../simulation/random.ts";
import type { ControlPorts } from "./ports.ts";
import { reopenStuck } from "./reopen.ts";

const component = { name: "model", at: "http://x/model", undo: "compensatable" } as const;
const playbook = { system: "chat", components: [component], how: { within: 1000 } } as unknown as Playbook;
const release = (label: string) =>
  defineRelease("chat", label, { model: { digest: digestOf(label), label: `model of ${label}` } });
const [stable, candidate] = [release("good"), release("bad")];

async function worldWith(outcome: Rollback["outcome"]) {
  const store = createMemoryStore();
  const rollback: Rollback = {
    saga: "saga-1",
    cause: ["harm", "losses"],
    decidedAt: 5,
    containedAt: 5,
    endedAt: 9,
    ...(outcome ? { outcome } : {}),
  };
  const rollout: Rollout = {
    id: "rollout-1",
    system: "chat",
    playbook: digestOf("playbook"),
    candidate: candidate.id,
    stable: stable.id,
    phase: "degraded",
    step: 0,
    stepSince: 1,
    startedAt: 1,
    endedAt: 9,
    frozen: [],
    note: "stuck at model",
    rollback,
  };
  await store.commit([
    { kind: "release", release: stable },
    { kind: "release", release: candidate },
    { kind: "rollout", rollout },
  ]);
  const random = createSeededRandom(1);
  const ports = { store, clock: createSimulatedClock(100), ids: createSeededIds(random) } as unknown as ControlPorts;
  return { store, ports };
}

test("a stuck rollback is taken up again by a saga of its own, which the ledger knows", async () => {
  const { store, ports } = await worldWith("stuck");
  const open = await reopenStuck(ports, playbook);
  assert.deepEqual(open, await store.rollout("rollout-1"));
  assert.equal(open?.endedAt, undefined);
  assert.equal(open?.note, undefined);
  assert.deepEqual([open?.rollback?.outcome, open?.rollback?.endedAt], [undefined, undefined]);
  assert.deepEqual([open?.rollback?.decidedAt, open?.rollback?.cause], [5, ["harm", "losses"]]);
  const [saga] = await store.runningSagas();
  assert.equal(saga?.id, open?.rollback?.saga);
  assert.notEqual(saga?.id, "saga-1");
  assert.deepEqual(
    saga?.plan.steps.map(({ component, desired }) => [component, desired]),
    [["model", stable.revisions["model"]!.digest]],
  );
  const [entry] = await store.entries(0, 10);
  assert.deepEqual(JSON.parse(entry!.leaf).data.after, "saga-1");
  assert.equal(await reopenStuck(ports, playbook), undefined, "it is open now");
});

test("nothing else is opened again", async () => {
  for (const outcome of ["verified", "unverified", undefined] as const) {
    const { store, ports } = await worldWith(outcome);
    assert.equal(await reopenStuck(ports, playbook), undefined);
    assert.equal(await store.entryCount(), 0);
  }
  const empty = { store: createMemoryStore() } as unknown as ControlPorts;
  assert.equal(await reopenStuck(empty, playbook), undefined);
});
