import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { createControlWorld, index, playbook, settings, stable } from "./world.fixture.ts";

const how = { ...playbook.how, else: "http://127.0.0.1:1/scorecard", safe: "people" };

describe("a decision to go back without any plan for it", () => {
  it("is contained, ends stuck, is told once, and counted; it stays so until people mend it and say so", async () => {
    const world = createControlWorld({ playbook: { how }, fallbacks: { else: true, safe: true } });
    const { clock, store, target, traffic, notices } = world;
    const told = () => notices.filter((text) => text.includes("people are needed"));
    await world.live(async () => {
      await world.control.adopt(stable);
      await clock.sleep(10_000);
      target.rivalWrite("sim:model", digestOf("model 2"));
      // People list a component of which no release knows a revision; that makes a release that nobody announced.
      world.kill();
      const first = world.boot("first", undefined, { components: [...playbook.components, index] });
      await world.until(() => world.kinds().includes("judged"));
      const [{ id } = { id: "" }] = await store.rollouts("loans");
      await first.control.pullCord(id, "on-call", "it looks wrong");
      const rollout = await first.control.ended(id);
      assert.equal(rollout.rollback?.outcome, "stuck");
      assert.equal(rollout.note, "no plan leads back to release 1: release 1 names no revision of index");
      assert.ok(rollout.rollback?.containedAt !== undefined);
      assert.equal(traffic.current("loans")?.contained, "else");
      await clock.sleep(20 * settings.leaseMs);
      assert.equal((await store.rollouts("loans"))[0]?.id, id, "and nothing begins anew by itself");
      assert.equal(told().length, 1);
      assert.match(told()[0]!, /release 1 names no revision of index/);
      assert.deepEqual(
        (await store.sagas(id)).map(({ status }) => status),
        ["stuck"],
      );
      const types = (await world.entries()).map(({ type }) => type);
      for (const type of ["verdict", "contained", "quarantined", "rollback-ended"])
        assert.equal(types.filter((one) => one === type).length, 1, type);
      const report = await first.control.report(id);
      assert.equal(report.outcome, "stuck");
      assert.match(report.note ?? "", /no plan leads back/);
      assert.match(report.toDo ?? "", /rollbook resume/);

      await first.control.proceed(id, "on-call");
      assert.equal((await first.control.ended(id)).rollback?.outcome, "stuck", "nothing was mended yet");
      assert.equal(told().length, 2);

      first.kill();
      const { control } = world.boot("second");
      await clock.sleep(settings.leaseMs);
      await control.proceed(id, "on-call");
      const { rollback } = await control.ended(id);
      assert.equal(rollback?.outcome, "unverified", "restored; nothing was counted before, so nothing proves it fixed");
      assert.ok(rollback.restoredAt !== undefined);
      assert.equal(target.live("sim:model"), digestOf("model 1"));
      assert.equal(traffic.current("loans")?.contained, undefined);
    });
  });
});

it("a restore that is begun again and has no plan any more ends stuck too", async () => {
  const world = createControlWorld({ losses: 0.3 });
  await world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.kinds().includes("exposed"));
    world.target.lose("sim:model", digestOf("model 1"));
    assert.equal((await world.ended(id)).rollback?.outcome, "stuck");
    world.kill();
    const { control } = world.boot("second", undefined, { components: [...playbook.components, index] });
    await world.clock.sleep(settings.leaseMs);
    await control.proceed(id, "on-call");
    const rollout = await control.ended(id);
    assert.equal(rollout.rollback?.outcome, "stuck");
    assert.match(rollout.note ?? "", /no plan leads back to release 1/);
    assert.equal(world.traffic.current("loans")?.candidatePpm, 0);
  });
});

it("a component whose connection is gone ends the restore stuck, and it goes on once that is back", async () => {
  let lost = false;
  const world = createControlWorld({
    losses: 0.3,
    ports: ({ adapterFor }) => ({
      adapterFor: (at) => {
        if (lost && at === "sim:model") throw new Error("no connection serves sim:model");
        return adapterFor(at);
      },
    }),
  });
  await world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.kinds().includes("exposed"));
    lost = true;
    const rollout = await world.ended(id);
    assert.equal(rollout.rollback?.outcome, "stuck");
    assert.match(rollout.note ?? "", /no connection serves sim:model/);
    lost = false;
    await world.control.proceed(id, "on-call");
    assert.equal((await world.ended(id)).rollback?.outcome, "verified");
  });
});
