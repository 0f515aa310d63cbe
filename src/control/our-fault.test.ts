import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RolloutEventKind } from "./ports.ts";
import { createControlWorld, settings, type WorldOptions } from "./world.fixture.ts";

/** Ports under which telling of one kind of event is a fault of ours, while it says so. */
function faulty(kind: RolloutEventKind) {
  const state = { broken: true, logged: [] as string[] };
  const ports: NonNullable<WorldOptions["ports"]> = ({ emit }) => ({
    emit: (event) => {
      if (state.broken && event.kind === kind) throw new TypeError("of undefined");
      emit(event);
    },
    log: (text) => void state.logged.push(text),
  });
  return { state, ports };
}

describe("a fault of ours", () => {
  it("in a restore is called that, is tried again a few times, and then people decide", async () => {
    const { state, ports } = faulty("proving");
    const world = createControlWorld({ ports, losses: 0.3 });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.control.unrecorded() !== undefined);
      assert.equal(world.control.unrecorded()?.what, "contained, and Rollbook itself is broken here");
      const rollout = await world.ended(id);
      assert.equal(rollout.rollback?.outcome, "stuck");
      assert.equal(rollout.note, "Rollbook itself broke in the restore, 5 times: TypeError: of undefined");
      assert.equal(world.traffic.current("loans")?.candidatePpm, 0);
      assert.equal(world.control.unrecorded(), undefined);
      const told = world.notices.filter((text) => /is broken|people are needed/.test(text));
      assert.equal(told.length, 2);
      assert.deepEqual(
        world.notices.filter((text) => text.includes("the store takes no write")),
        [],
      );
      assert.match(state.logged[0] ?? "", /loans: TypeError: of undefined\n +at .*our-fault/);
      state.broken = false;
      await world.control.proceed(id, "on-call");
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
    });
  });

  it("that ends a rollout's run is told once, taken up after growing pauses, and not for ever", async () => {
    const { state, ports } = faulty("exposed");
    const world = createControlWorld({ ports });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.control.broken() !== undefined);
      assert.match(world.control.broken()?.what ?? "", new RegExp(`rollout ${id} broke`));
      await world.clock.sleep(40 * settings.leaseMs);
      assert.equal(state.logged.length, 6);
      const told = world.notices.filter((text) => text.includes("broke"));
      assert.equal(told.length, 2);
      assert.match(told[0]!, /broke inside Rollbook: TypeError: of undefined/);
      assert.match(told[1]!, /broke 6 times and is not taken up any more/);
      assert.equal((await world.store.rollout(id))?.endedAt, undefined);
      state.broken = false;
      await world.control.pullCord(id, "on-call", "it is broken");
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
      assert.equal(world.control.broken(), undefined);
    });
  });

  it("is not what a target does that cannot be read while the fix is proved: nothing is called fixed then", async () => {
    let away = false;
    const world = createControlWorld({
      losses: 0.3,
      ports: ({ adapterFor }) => ({
        adapterFor: (at) => {
          if (away) throw new Error(`no connection serves ${at}`);
          return adapterFor(at);
        },
      }),
    });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("restored"));
      away = true;
      assert.equal((await world.ended(id)).rollback?.outcome, "unverified");
    });
  });
});
