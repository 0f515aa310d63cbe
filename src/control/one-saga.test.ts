import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { candidate, createControlWorld, slowly } from "./world.fixture.ts";

/** What happened while a harmful release was on its way back, after everybody else had triggered too. */
async function triggeredAgain(trigger: (world: ReturnType<typeof createControlWorld>, id: string) => Promise<unknown>) {
  const world = createControlWorld({ losses: 0.2, leaks: 0.002, ports: slowly(300) });
  const rollout = await world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.kinds().includes("contained"));
    await trigger(world, id);
    return world.ended(id);
  });
  const sagas = (await world.store.record(rollout.id))!.sagas.filter(({ plan }) => plan.kind === "rollback");
  return { ...world, rollout, sagas };
}

describe("a second trigger joins the rollback that is under way", () => {
  const triggers = {
    "a person's cord": (world, id) => world.control.pullCord(id, "on-call", "it looks wrong"),
    "two cords at once": (world, id) =>
      Promise.all(["ada", "bob"].map((by) => world.control.pullCord(id, by, "it looks wrong"))),
    "an order to abort": (world, id) => world.control.abort(id, "on-call", "stop"),
    "an alert from outside": (world) => world.control.look("an alert fires", "alert-1"),
    "an order to resume": (world) => world.control.resume(),
    "an order to take back": (world) => world.control.takeBack("on-call", "again").catch(() => undefined),
    "the same release again": (world) => world.control.release(candidate).catch(() => undefined),
  } satisfies Record<string, Parameters<typeof triggeredAgain>[0]>;
  for (const [name, trigger] of Object.entries(triggers))
    it(`when it is ${name}`, async () => {
      const { sagas, rollout, target, entries } = await triggeredAgain(trigger);
      assert.equal(sagas.length, 1);
      assert.equal(rollout.rollback?.outcome, "verified");
      assert.equal((await entries()).filter(({ type }) => type === "contained").length, 1);
      const keys = target.effects.map(({ key }) => key);
      assert.equal(new Set(keys).size, keys.length);
    });

  it("when a trigger fires in the moment in which a person pulls the cord", async () => {
    const world = createControlWorld({ losses: 0.2, leaks: 0.002 });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("harm") || world.kinds().includes("judged"));
      await Promise.all([world.control.pullCord(id, "ada", "now"), world.control.pullCord(id, "bob", "now")]);
      return world.ended(id);
    });
    const { sagas } = (await world.store.record(rollout.id))!;
    assert.equal(sagas.filter(({ plan }) => plan.kind === "rollback").length, 1);
  });
});

function takenByAnother({ store, clock }: ReturnType<typeof createControlWorld>, ttl: number) {
  return store.commit([], undefined, { resources: ["target:sim:model"], holder: "another", ttl, now: clock.now() });
}

describe("a restore of what another playbook changes", () => {
  it("waits for it, says so, and was contained long before", async () => {
    const world = createControlWorld({ losses: 0.2 });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await takenByAnother(world, 30_000);
      return world.ended(id);
    });
    const { decidedAt, containedAt, restoredAt, outcome } = rollout.rollback!;
    assert.equal(outcome, "verified");
    assert.equal(containedAt, decidedAt);
    assert.ok(restoredAt! - decidedAt > 10_000);
    assert.equal(world.kinds().filter((kind) => kind === "waiting").length, 1);
  });

  it("stops waiting when its controller lost its place", async () => {
    const world = createControlWorld({ losses: 0.2 });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await takenByAnother(world, 600_000);
      await world.until(() => world.kinds().includes("waiting"));
      await world.store.acquireLease("system:loans", "first", 1, world.clock.now());
      await assert.rejects(world.ended(id), { name: "FencedError" });
    });
  });

  it("hears a person who halts it while it waits, and changes nothing", async () => {
    const world = createControlWorld({ losses: 0.2 });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await takenByAnother(world, 600_000);
      await world.until(() => world.kinds().includes("waiting"));
      assert.equal(world.traffic.current("loans")?.candidatePpm, 0, "it is contained");
      await world.control.pause(id, "ada", "not now");
      return world.ended(id);
    });
    const { outcome, held, endedAt, decidedAt } = rollout.rollback!;
    assert.deepEqual([outcome, held], ["stuck", true]);
    assert.match(rollout.note ?? "", /halted by ada: not now/);
    assert.ok(endedAt! - decidedAt < 5000);
    const digests = ["schema 2", "model 2"].map(digestOf);
    assert.deepEqual([world.target.live("sim:schema"), world.target.live("sim:model")], digests);
    assert.ok(world.notices.some((text) => text.includes("people are needed")));
  });

  it("pages people while it waits, and is stuck when the time of its rollback is over", async () => {
    const world = createControlWorld({ losses: 0.2 });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await takenByAnother(world, 600_000);
      await world.until(() => world.notices.some((text) => /waits for another playbook/.test(text)));
      assert.ok(world.clock.now() - (await world.store.rollout(id))!.rollback!.decidedAt < 20_000);
      return world.ended(id);
    });
    const { outcome, endedAt, decidedAt } = rollout.rollback!;
    assert.equal(outcome, "stuck");
    assert.match(rollout.note ?? "", /another playbook changes it; gave up when its plan's time was over/);
    const took = endedAt! - decidedAt;
    assert.ok(took >= 60_000 && took < 70_000, String(took));
    assert.equal(world.notices.filter((text) => /waits for another playbook/.test(text)).length, 1);
  });
});
