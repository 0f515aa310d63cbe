import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { Rollout } from "../core/rollout.ts";
import {
  candidate,
  createControlWorld,
  intruder,
  playbook,
  START,
  settings,
  stable,
  third,
  twoPlaces,
} from "./world.fixture.ts";

const how = { ...playbook.how, else: "http://127.0.0.1:1/scorecard", safe: "people" };
const both = { else: true, safe: true };

/** Release 1 served, release 3 was promoted over it, and release 2 is on trial. */
async function withPast(world: ReturnType<typeof createControlWorld>): Promise<string> {
  const { id } = await world.release(third);
  assert.equal((await world.ended(id)).phase, "healthy");
  return (await world.control.release(candidate)).id;
}

const movedOn = async (world: ReturnType<typeof createControlWorld>) =>
  (await world.entries()).filter(({ type }) => type === "moved-on");

describe("what is restored and is harmful itself", () => {
  for (const components of [playbook.components, twoPlaces])
    it(`is left for the release before it, which is proved (${components === twoPlaces ? "two places" : "one place"})`, async () => {
      // Release 3 is sound until it is restored, and harmful from then on.
      const world = createControlWorld({ playbook: { components }, losses: 0.3, sickAfterRestore: third.id });
      const rollout = await world.live(async () => world.ended(await withPast(world)));
      assert.equal(rollout.rollback?.outcome, "verified");
      assert.equal(rollout.rollback?.target, stable.id);
      assert.deepEqual(
        rollout.rollback?.tried?.map(({ release }) => release),
        [third.id],
      );
      assert.equal((await world.store.lastKnownGood("loans"))?.release, stable.id);
      assert.equal(world.traffic.current("loans")?.stable, stable.id);
      const at = components === twoPlaces && world.traffic.current("loans")?.swapped ? "sim:model-beside" : "sim:model";
      const live = await world.target.read(at, new AbortController().signal);
      assert.equal(live.kind === "live" && live.digest, digestOf("model 1"));
      const [entry] = await movedOn(world);
      assert.deepEqual([entry.data.from, entry.data.to], [third.id, stable.id]);
      assert.ok(world.notices.some((text) => text.includes("what it went back to is harmful too")));
    });

  it("is gone on from after a restart, and no target is tried twice", async () => {
    const world = createControlWorld({ losses: 0.3, sickAfterRestore: third.id });
    const rollout = await world.live(async () => {
      const id = await withPast(world);
      await world.until(async () => (await world.store.rollout(id))?.rollback?.target !== undefined);
      world.kill();
      await world.clock.sleep(settings.leaseMs);
      const { control } = world.boot("second");
      await control.resume();
      return control.ended(id);
    });
    assert.equal(rollout.rollback?.outcome, "verified");
    assert.equal((await movedOn(world)).length, 1);
    assert.equal((await world.store.lastKnownGood("loans"))?.release, stable.id);
  });

  for (const end of ["fails", "dies"])
    it(`gets no traffic again when whoever looks for the next target ${end}`, async () => {
      let left = false;
      let cut = 0;
      const world = createControlWorld({
        losses: 0.3,
        playbook: { how },
        fallbacks: both,
        sickAfterRestore: stable.id,
        ports: ({ store, traffic }) => ({
          traffic: {
            ...traffic,
            set(route) {
              left ||= route.contained !== undefined && world.kinds().includes("restored");
              traffic.set(route);
            },
          },
          store: {
            ...store,
            async rollouts(system) {
              if (!left || cut++ > 0) return store.rollouts(system);
              if (end === "dies") world.kill();
              throw new Error("connection refused");
            },
          },
        }),
      });
      await world.live(async () => {
        const { id } = await world.release();
        await world.until(() => cut > 0);
        assert.equal((await world.store.route("loans"))?.contained, "else", "recorded before anything is looked for");
        await world.clock.sleep(settings.leaseMs);
        const { control } = end === "dies" ? world.boot("second") : world;
        await control.resume();
        const watched = world.until(async () => {
          assert.equal(world.traffic.current("loans")?.contained, "else");
          return (await world.store.rollout(id))?.rollback?.outcome !== undefined;
        });
        await watched;
        assert.equal((await control.ended(id)).rollback?.outcome, "stuck");
      });
      assert.equal((await movedOn(world)).length, 1);
    });

  for (const [fallbacks, to] of [
    [both, "else"],
    [{ else: false, safe: true }, "safe"],
    [{ else: false, safe: false }, undefined],
  ] as const)
    it(`and the last one: traffic goes to ${to ?? "nowhere else"}, people decide, and no restart undoes that`, async () => {
      const world = createControlWorld({ playbook: { how }, fallbacks, losses: 0.3, sickAfterRestore: stable.id });
      await world.live(async () => {
        const { id } = await world.release();
        const rollout = await world.ended(id);
        assert.equal(rollout.rollback?.outcome, "stuck");
        assert.equal(world.traffic.current("loans")?.contained, to);
        assert.equal((await world.store.route("loans"))?.contained, to);
        assert.equal((await movedOn(world))[0].data.to, to ?? "people");
        assert.equal(await world.control.resume(), undefined, "nothing is tried again by itself");
        if (to === undefined) return;
        await assert.rejects(world.control.release(third), { message: new RegExp(`contained to .${to}`) });
        await world.control.contain("stable", "on-call", "mended");
        assert.equal(world.traffic.current("loans")?.contained, undefined);
      });
    });

  it("is stayed with while nothing is proved: people are told, and it is watched as long again", async () => {
    const world = createControlWorld({ losses: 0.3, playbook: { how }, fallbacks: both, silentAfterRestore: true });
    const rollout = await world.live(async () => world.ended((await world.release()).id));
    const { outcome, restoredAt, endedAt } = rollout.rollback!;
    assert.equal(outcome, "unverified");
    assert.ok(endedAt! - restoredAt! > 2 * settings.proofMs);
    assert.deepEqual(await movedOn(world), []);
    assert.equal(world.traffic.current("loans")?.contained, undefined);
  });
});

describe("stable that cannot serve", () => {
  const changed = async (world: ReturnType<typeof createControlWorld>): Promise<Rollout> => {
    await world.control.adopt(stable);
    await world.clock.sleep(10_000);
    world.target.rivalWrite("sim:model", digestOf("model 2"));
    await world.until(() => world.kinds().includes("harm"));
    const rollouts = await world.store.rollouts("loans");
    const ended = await world.ended(rollouts[0]!.id);
    return ended;
  };

  it("is stood in for by `else` at once, also for what came unannounced, and serves again once it is restored", async () => {
    const world = createControlWorld({ playbook: { how }, fallbacks: both, losses: 0.3 });
    await world.live(async () => {
      const rollout = await changed(world);
      const { decidedAt, containedAt, restoredAt, outcome } = rollout.rollback!;
      assert.equal(outcome, "verified");
      assert.ok(containedAt! - decidedAt <= settings.tickMs);
      assert.ok(restoredAt! >= containedAt!);
      assert.ok((world.traffic.lastServed(intruder.id) ?? START) <= containedAt!);
      assert.equal(world.traffic.current("loans")?.contained, undefined);
      const contained = (await world.entries()).filter(({ type }) => type === "contained");
      assert.deepEqual(
        contained.map(({ data }) => data.to),
        ["else", stable.id],
      );
    });
  });

  it("answers until it is restored where nothing was declared", async () => {
    const world = createControlWorld({ fallbacks: both, losses: 0.3 });
    await world.live(async () => {
      const rollout = await changed(world);
      assert.equal(rollout.rollback?.containedAt, undefined);
      assert.equal(rollout.rollback?.outcome, "verified");
    });
  });

  it("stays stood in for while the restore is stuck", async () => {
    const world = createControlWorld({ playbook: { how }, fallbacks: both, losses: 0.3 });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(10_000);
      world.target.rivalWrite("sim:model", digestOf("model 2"));
      await world.until(() => world.kinds().includes("noticed"));
      world.target.lose("sim:model", digestOf("model 1"));
      await world.until(() => world.events.some(({ text }) => text.startsWith("people are needed")));
      assert.equal(world.traffic.current("loans")?.contained, "else");
    });
  });
});

describe("a containment by hand", () => {
  it("is at once, recorded, refused where there is no such way, and ended by hand", async () => {
    const world = createControlWorld({ playbook: { how }, fallbacks: { else: false, safe: true } });
    await world.live(async () => {
      await world.control.adopt(stable);
      await assert.rejects(world.control.contain("else", "on-call", "flood"), { code: "RELEASE_REFUSED" });
      await world.control.contain("safe", "on-call", "flood");
      assert.equal(world.traffic.current("loans")?.contained, "safe");
      await world.control.contain("stable", "on-call", "over");
      assert.equal((await world.store.route("loans"))?.contained, undefined);
      const { id } = await world.control.release(candidate);
      await assert.rejects(world.control.contain("safe", "on-call", "flood"), { hint: /rollbook rollback/ });
      await world.ended(id);
    });
  });
});
