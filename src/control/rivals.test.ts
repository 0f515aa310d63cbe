import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { CrashPoint } from "../restore/crash-point.ts";
import { rivalsOf } from "./rivals.ts";
import { createControlWorld, playbook, type WorldOptions } from "./world.fixture.ts";

const [MODEL_1, MODEL_2] = [digestOf("model 1"), digestOf("model 2")];
const RIVAL = { "sim:model": MODEL_2 };

/** A harmful model that a rival brings back within a second: from its exposure on, so that it passes the gate. */
function beside(options: WorldOptions = {}) {
  const world = createControlWorld({ losses: 0.2, rivals: RIVAL, ...options });
  world.target.tellRival("sim:model", "frozen");
  return world;
}

async function exposed(world: ReturnType<typeof beside>) {
  const { id } = await world.release();
  await world.until(() => world.kinds().includes("exposed"));
  world.target.tellRival("sim:model", "working");
  return id;
}

async function goneBack(options: WorldOptions = {}) {
  const world = beside(options);
  const seen: (string | undefined)[] = [];
  const rollout = await world.live(async () => {
    const id = await exposed(world);
    await world.until(() => world.kinds().includes("restored"));
    seen.push(world.target.rivalState("sim:model"));
    return world.ended(id);
  });
  return { ...world, rollout, seen };
}

describe("who would undo a rollback", () => {
  it("is frozen until the proof is over, and then works as before", async () => {
    const { rollout, target, seen, notices, entries } = await goneBack();
    assert.equal(rollout.rollback?.outcome, "verified");
    assert.deepEqual([...seen, target.rivalState("sim:model")], ["frozen", "working"]);
    assert.ok(notices.some((notice) => /works again/.test(notice)));
    const all = await entries();
    const at = (type: string, step: string) =>
      all.findLastIndex((entry) => entry.type === type && entry.data.step === step);
    assert.ok(at("step-done", "freeze sim:model#rival") < at("step-done", "model"));
    const thawed = at("step-done", "thaw sim:model#rival");
    assert.ok(thawed > at("step-done", "schema") && thawed < all.findIndex(({ type }) => type === "rollback-ended"));
  });

  it("works as before also when the rollback is stuck", async () => {
    const world = beside();
    const rollout = await world.live(async () => {
      const id = await exposed(world);
      world.target.lose("sim:model", MODEL_1);
      return world.ended(id);
    });
    assert.equal(rollout.rollback?.outcome, "stuck");
    assert.equal(world.target.rivalState("sim:model"), "working");
  });

  for (const point of ["saga.effect-sent", "saga.step-recorded", "control.restored"] as const satisfies CrashPoint[])
    it(`works as before also after a crash at ${point}`, async () => {
      const world = beside();
      const rollout = await world.live(async () => {
        const id = await exposed(world);
        world.kill();
        const dying = world.boot("dying", point);
        await dying.control.resume();
        await dying.death;
        const { control } = world.boot("second");
        await control.resume();
        return control.ended(id);
      });
      assert.equal(rollout.rollback?.outcome, "verified");
      assert.equal(world.target.rivalState("sim:model"), "working");
    });

  it("is named by people's plan, under the plan's digest", async () => {
    const world = beside();
    await world.live(async () => {
      const { id } = await world.release();
      const { plan } = await world.control.planBack(id);
      assert.deepEqual(
        plan.steps.map(({ id: step }) => step),
        ["freeze sim:model#rival", "model", "schema", "thaw sim:model#rival"],
      );
      await world.ended(id);
    });
  });

  it("is nobody where no adapter serves, none can tell, or none answers in time", async () => {
    const world = beside();
    const at = (adapter: object) =>
      ({ clock: world.clock, adapterFor: () => ({ ...world.target, ...adapter }) }) as never;
    const silent = { rivals: () => new Promise<never>(() => undefined) };
    assert.deepEqual(await world.clock.run(rivalsOf(at(silent), playbook, "at")), new Map());
    assert.deepEqual(await rivalsOf(at({ rivals: undefined }), playbook, "at"), new Map());
    const adapterFor = () => {
      throw new Error("no adapter");
    };
    assert.deepEqual(await rivalsOf({ clock: world.clock, adapterFor }, playbook, "at"), new Map());
    assert.equal((await rivalsOf(at({}), playbook, "at")).size, 1);
  });
});
