import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { CrashPoint } from "../restore/crash-point.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
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

/** How long another system's restore keeps the rival, once the test says so. */
const HELD_MS = 120_000;

/** Another system's restore that holds the rival, beside a world. */
function besideHeld(options: WorldOptions = {}) {
  const own = createMemoryStore();
  const held = { until: 0 };
  // Its lease is asked for alone to thaw it.
  const commit: typeof own.commit = (changes, guard, claim) =>
    own.commit(changes, guard, claim?.resources.length === 1 && claim.now < held.until ? undefined : claim);
  const world = beside({ ...options, store: { ...own, commit } });
  return { ...world, hold: () => (held.until = world.clock.now() + HELD_MS) };
}

describe("a rival that another system's restore holds when it is to be thawed", () => {
  it("keeps nobody from being told that people are needed, and works again before the rollback is over", async () => {
    const world = besideHeld();
    const needed = () => world.notices.filter((notice) => notice.includes("people are needed"));
    await world.live(async () => {
      const id = await exposed(world);
      world.target.lose("sim:model", MODEL_1);
      world.hold();
      await world.until(() => world.kinds().includes("waiting"));
      await world.clock.sleep(1000);
      assert.equal(needed().length, 1);
      assert.match((await world.store.rollout(id))?.note ?? "", /not retained/);
      assert.equal(world.target.rivalState("sim:model"), "frozen");
      const { rollback } = await world.ended(id);
      assert.deepEqual([rollback?.outcome, rollback?.owed], ["stuck", undefined]);
      assert.equal(world.target.rivalState("sim:model"), "working");
      assert.equal(needed().length, 1);
    });
  });

  it("is thawed also when its controller dies before that, and people are told once more", async () => {
    const world = besideHeld();
    const rollout = await world.live(async () => {
      const id = await exposed(world);
      world.target.lose("sim:model", MODEL_1);
      world.hold();
      await world.until(() => world.kinds().includes("waiting"));
      world.kill();
      const { control } = world.boot("second");
      await control.resume();
      return control.ended(id);
    });
    assert.equal(rollout.rollback?.outcome, "stuck");
    assert.match(rollout.note ?? "", /not retained/);
    assert.equal(world.target.rivalState("sim:model"), "working");
    assert.equal(world.notices.filter((notice) => notice.includes("people are needed")).length, 2);
  });

  it("takes no time from the proof", async () => {
    const world = besideHeld();
    const { rollback } = await world.live(async () => {
      const id = await exposed(world);
      await world.until(() => world.kinds().includes("proving"));
      world.hold();
      return world.ended(id);
    });
    assert.equal(rollback?.outcome, "verified");
    assert.ok(rollback.fixedAt! - rollback.restoredAt! < 10_000);
    assert.ok(rollback.endedAt! - rollback.fixedAt! > HELD_MS / 2);
    const good = await world.store.lastKnownGood("loans");
    assert.ok(good!.provedAt <= rollback.fixedAt!);
  });

  it("hides nobody who undoes the restore meanwhile: it is restored and proved once more", async () => {
    const world = besideHeld();
    const { rollback } = await world.live(async () => {
      const id = await exposed(world);
      await world.until(() => world.kinds().includes("proving"));
      world.hold();
      await world.until(() => world.kinds().includes("waiting"));
      world.target.rivalWrite("sim:model", MODEL_2);
      return world.ended(id);
    });
    assert.equal(world.target.live("sim:model"), MODEL_1);
    assert.equal(rollback?.outcome, "verified");
    assert.ok(rollback.restoringSince !== undefined);
    assert.equal(world.target.rivalState("sim:model"), "working");
  });
});
