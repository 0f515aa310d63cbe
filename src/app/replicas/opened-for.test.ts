import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type Json } from "../../core/digest.ts";
import type { OpenOrder } from "../../core/exchange.ts";
import { defineRelease, type Release } from "../../core/release.ts";
import type { Rollout } from "../../core/rollout.ts";
import { createMemoryStore } from "../../simulation/memory-store.ts";
import { openedFor } from "./opened-for.ts";

const GIVEN = 1_800_000_000_000;
const revision = (label: string) => ({ digest: digestOf(label), label });
const releaseOf = (version: number): Release => {
  const revisions = { model: revision(`model ${version}`), prompt: revision("prompt 1") };
  return defineRelease("loans", `model ${version}`, revisions);
};
const [stable, first, second] = [releaseOf(1), releaseOf(2), releaseOf(3)];
const rolloutOf = (id: string, { id: candidate }: Release, later: number, more: Partial<Rollout> = {}): Rollout => {
  const startedAt = GIVEN + later;
  const base = { id, system: "loans", playbook: digestOf("playbook"), candidate, stable: stable.id, frozen: [] };
  return { ...base, phase: "healthy", step: 0, stepSince: startedAt, startedAt, ...more };
};
const orderOf = (operation: string, input: Json): OpenOrder => {
  const id = `order-${GIVEN.toString(36)}-0000000000`;
  return { id, system: "loans", operation, input, by: "ann", taken: true };
};

async function found(rollouts: readonly Rollout[], operation: string, input: object): Promise<string | undefined> {
  const store = createMemoryStore();
  await store.commit([stable, first, second].map((release) => ({ kind: "release", release })));
  await store.commit(rollouts.map((rollout) => ({ kind: "rollout", rollout })));
  return (await openedFor(store, orderOf(operation, input as Json)))?.id;
}

test("a release order is answered with the rollout of its own candidate", async () => {
  const both = [rolloutOf("own", first, 1), rolloutOf("another", second, 2)];
  assert.equal(await found(both, "release", { revisions: first.revisions }), "own");
  assert.equal(await found(both, "release", { references: { model: "2" } }), "own");
  assert.equal(await found(both, "release", { references: { model: "model 3" } }), "another");
  assert.equal(await found(both, "release", { references: { model: digestOf("model 2") } }), "own");
});

test("and with none where nothing that was opened since is surely its own", async () => {
  const another = [rolloutOf("another", second, 2)];
  assert.equal(await found(another, "release", { revisions: first.revisions }), undefined);
  assert.equal(await found(another, "release", { references: { model: "2" } }), undefined);
  assert.equal(await found(another, "release", { references: { prompt: "1" } }), undefined, "it changes the model");
  assert.equal(await found(another, "release", { label: "x", references: { model: "3" } }), undefined);
  assert.equal(await found([rolloutOf("before", first, -1)], "release", { revisions: first.revisions }), undefined);
  const foreign = [rolloutOf("foreign", first, 1, { unannounced: true })];
  assert.equal(await found(foreign, "release", { revisions: first.revisions }), undefined);
  assert.equal(await found(another, "promote", {}), undefined);
});

test("a take-back is known by who ordered it and why, before and after it went back", async () => {
  const order = { kind: "rollback", by: "ann", reason: "complaints" } as const;
  const rollback = { saga: "saga-1", cause: ["person", "ann: complaints"], decidedAt: GIVEN };
  for (const more of [{ order }, { rollback }])
    assert.equal(await found([rolloutOf("own", first, 1, more)], "take-back", { reason: "complaints" }), "own");
  for (const more of [{ order: { ...order, by: "bob" } }, { rollback: { ...rollback, cause: ["harm"] } }, {}])
    assert.equal(await found([rolloutOf("another", first, 1, more)], "take-back", { reason: "complaints" }), undefined);
});
