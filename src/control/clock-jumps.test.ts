import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { isDue, Unwatched } from "./cadence.ts";
import { createControlWorld, playbook, stable, type WorldOptions } from "./world.fixture.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** A world whose controller and counts go by a clock that can be set. */
function setClock(options: WorldOptions) {
  const ahead = { by: 0 };
  const world = createControlWorld({
    ...options,
    ports: ({ clock, signals }) => ({
      clock: { ...clock, now: () => clock.now() + ahead.by },
      signals: { drain: () => signals.drain().map((one) => ({ ...one, bucket: one.bucket + ahead.by })) },
    }),
  });
  return { world, ahead };
}

describe("a clock that is set ahead by an hour", () => {
  it("has watched nothing of it that is called fixed", async () => {
    const { world, ahead } = setClock({
      losses: 0.2,
      playbook: { fixed: { ...playbook.fixed, for: 2 * MINUTE } },
      settings: { proofMs: HOUR },
    });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("restored"));
      const restored = world.clock.now();
      await world.clock.sleep(20_000);
      ahead.by = HOUR;
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
      assert.ok(world.clock.now() - restored >= 110_000, `${world.clock.now() - restored}`);
    });
  });

  it("takes no sound release back as undecided, and ends no step of it", async () => {
    const { world, ahead } = setClock({
      playbook: { how: { ...playbook.how, steps: [10, 95], each: MINUTE } },
      settings: { patienceMs: 8 * MINUTE },
    });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await world.clock.sleep(5000);
      ahead.by = HOUR;
      await world.clock.sleep(30_000);
      const rollout = await world.store.rollout(id);
      assert.deepEqual([rollout?.phase, rollout?.step, rollout?.rollback], ["progressing", 0, undefined]);
    });
  });
});

describe("a clock that is set ahead by an hour under an observing playbook", () => {
  it("does not say that it would have been promoted", async () => {
    const { world, ahead } = setClock({
      playbook: { authority: "observe", how: { ...playbook.how, steps: [10, 95], each: MINUTE } },
      settings: { patienceMs: 8 * MINUTE },
    });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await world.clock.sleep(5000);
      ahead.by = HOUR;
      await world.clock.sleep(30_000);
      assert.equal((await world.store.rollout(id))?.endedAt, undefined);
    });
  });
});

describe("a clock that is set back by an hour", () => {
  it("hides no change of a component, and no state of the way back", async () => {
    const { world, ahead } = setClock({});
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(20_000);
      ahead.by = -HOUR;
      world.target.rivalWrite("sim:model", digestOf("model 2"));
      await world.clock.sleep(10_000);
      assert.ok(world.kinds().includes("noticed"));
      assert.ok((world.control.wayBack()?.checkedAt ?? 0) <= world.clock.now() - HOUR);
    });
  });
});

describe("what was watched", () => {
  it("is each time between two looks, up to five seconds of it", () => {
    const unwatched = new Unwatched();
    for (const now of [0, 4000, 9000, 9000 + HOUR, 9500 + HOUR]) unwatched.look(now);
    assert.equal(unwatched.after(1000), 1000 + HOUR - 5000);
    assert.equal(unwatched.after(9000 + HOUR), 9000 + HOUR);
    unwatched.look(10_000);
    assert.equal(unwatched.after(1000), 1000);
  });

  it("comes again after its span, or when it lies ahead", () => {
    assert.deepEqual(
      [isDue(9, 5, 5), isDue(10, 5, 5), isDue(4, 5, 5), isDue(0, Number.NEGATIVE_INFINITY, 5)],
      [false, true, true, true],
    );
  });
});
