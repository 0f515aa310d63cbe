import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { phaseClocks } from "../core/phase-clock.ts";
import { createControlWorld, playbook, settings, slowly, stable, type WorldOptions } from "./world.fixture.ts";

const went = async (options: WorldOptions) => {
  const world = createControlWorld({ losses: 0.3, ...options });
  const rollout = await world.live(async () => world.ended((await world.release()).id));
  const late = world.events.filter(({ kind }) => kind === "late").map(({ text }) => text);
  const notices = world.notices.filter((text) => text.includes("in time"));
  return { world, rollout, late, notices };
};

describe("the clocks of a rollback", () => {
  it("are recorded with their deadlines, and nobody is told of what is in time", async () => {
    const { rollout, late, notices } = await went({});
    assert.deepEqual(rollout.rollback?.deadlines, { contain: 1000, restore: 60_000, verify: settings.proofMs });
    assert.deepEqual(
      phaseClocks(rollout.rollback!, rollout.endedAt!).map((clock) => clock.late),
      [false, false, false],
    );
    assert.deepEqual([late, notices], [[], []]);
  });

  it("tell people once of a restore that is late, while it goes on", async () => {
    const { rollout, late, notices } = await went({
      ports: slowly(1500),
      playbook: { how: { ...playbook.how, within: 2000 } },
    });
    assert.equal(rollout.rollback?.outcome, "verified");
    assert.match(
      late.join(),
      /^restore: for 2\.0 s of 2\.0 s, LATE; traffic stays contained, and the restore goes on$/,
    );
    assert.equal(notices.length, 1);
    const [, restore] = phaseClocks(rollout.rollback!, rollout.endedAt!);
    assert.equal(restore?.late, true);
  });

  it("tell people once of a proof that is late, and watch as long again", async () => {
    const { rollout, late, notices } = await went({ silentAfterRestore: true });
    assert.equal(rollout.rollback?.outcome, "unverified");
    assert.match(late.join(), /^verify: for 20\.0 s of 20\.0 s, LATE/);
    assert.equal(notices.length, 1);
    assert.ok(rollout.endedAt! - rollout.rollback!.restoredAt! > 2 * settings.proofMs);
  });

  it("tell people of harm that nothing could contain", async () => {
    const world = createControlWorld({ losses: 0.3, ports: slowly(1200) });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(15_000);
      world.target.rivalWrite("sim:model", digestOf("model 2"));
      await world.until(() => world.kinds().includes("harm"));
      await world.ended((await world.store.rollouts("loans"))[0]!.id);
    });
    const late = world.events.filter(({ kind }) => kind === "late").map(({ text }) => text);
    assert.match(late.join(), /^contain: for 1\.0 s of 1\.0 s, LATE; nothing stands in for it/);
  });
});
