import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { createControlWorld, playbook, settings, twoPlaces } from "./world.fixture.ts";

const holdback = { ...playbook.how, holdbackFor: 60_000 };

describe("somebody who changes something while a rollout runs", () => {
  const cases = [
    ["the candidate", "sim:model-beside", digestOf("model 1"), digestOf("model 2"), "exposed"],
    ["stable beside it", "sim:model", digestOf("model 2"), digestOf("model 1"), "exposed"],
    ["the promoted one in its holdback", "sim:model-beside", digestOf("model 1"), digestOf("model 2"), "promoted"],
  ] as const;
  for (const [what, at, other, own, when] of cases)
    it(`in ${what} is noticed within one poll, told once, and holds the rollout until it is mended`, async () => {
      const world = createControlWorld({ playbook: { components: twoPlaces, how: holdback } });
      const rollout = await world.live(async () => {
        const { id } = await world.release();
        await world.until(() => world.kinds().includes(when));
        await world.clock.sleep(100);
        world.target.rivalWrite(at, other);
        await world.clock.sleep(1300);
        assert.ok(world.kinds().includes("noticed"));
        await world.clock.sleep(when === "promoted" ? 90_000 : 30_000);
        assert.equal((await world.store.rollout(id))?.endedAt, undefined, "held");
        assert.equal(world.notices.filter((text) => !text.includes("the way back")).length, 1);
        world.target.rivalWrite(at, own);
        return world.ended(id);
      });
      assert.equal(rollout.phase, "healthy");
      const noticed = (await world.entries()).filter(({ type }) => type === "noticed");
      assert.equal(noticed.length, 1);
      assert.match(noticed[0].data.found, new RegExp(`${at} serves`));
    });

  it("takes the rollout back when nobody mends it within its patience", async () => {
    const world = createControlWorld({ playbook: { components: twoPlaces } });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      world.target.rivalWrite("sim:model-beside", digestOf("model 1"));
      return world.ended(id);
    });
    assert.match(rollout.rollback?.cause.join(" ") ?? "", /^undecided sim:model-beside serves .* for longer than its/);
    assert.equal(rollout.rollback?.outcome, "verified");
  });

  it("does not make a paused one go back, and nobody is told that it does", async () => {
    const world = createControlWorld({ playbook: { components: twoPlaces } });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await world.control.pause(id, "on-call", "lunch");
      world.target.rivalWrite("sim:model-beside", digestOf("model 1"));
      await world.clock.sleep(settings.patienceMs + 5000);
      assert.equal((await world.store.rollout(id))?.rollback, undefined);
      const told = world.notices.filter((text) => text.includes("Somebody changed it"));
      assert.equal(told.length, 1);
      assert.match(told[0]!, /does not go forward until that is mended; harm goes back at once/);
    });
  });

  it("is not what Rollbook itself restores", async () => {
    const world = createControlWorld({ playbook: { components: twoPlaces }, losses: 0.3 });
    const rollout = await world.live(async () => world.ended((await world.release()).id));
    assert.equal(rollout.rollback?.outcome, "verified");
    assert.ok(rollout.endedAt! - rollout.rollback!.restoredAt! > 2000, "several polls after the restore");
    assert.ok(!world.kinds().includes("noticed"));
  });
});
