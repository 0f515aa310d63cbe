import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { Rollout } from "../core/rollout.ts";
import { CRASH_POINTS } from "../restore/crash-point.ts";
import { candidate, createControlWorld, slowly, type WorldOptions } from "./world.fixture.ts";

const MODEL_1 = digestOf("model 1");

/** Kills the first controller when it is so; a second one goes on. */
async function takenOver(when: string, options: WorldOptions = {}, pause = 0) {
  const world = createControlWorld(options);
  const rollout = await world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.events.some(({ kind }) => kind === when));
    world.kill();
    await world.clock.sleep(pause);
    const { control } = world.boot("second");
    assert.equal((await control.resume())?.id, id);
    return control.ended(id);
  });
  return { ...world, rollout };
}

describe("a restart", () => {
  it("has nothing to go on with where nothing was cut off", async () => {
    const world = createControlWorld();
    assert.equal(await world.control.resume(), undefined);
    const rollout = await world.live(async () => world.ended((await world.release()).id));
    assert.equal(rollout.phase, "healthy");
    assert.equal(await world.control.resume(), undefined);
  });

  for (const when of ["baseline", "deploying", "exposed", "judged"])
    it(`in the phase ${when} goes on to the promotion of a good release`, async () => {
      const { rollout, entries } = await takenOver(when);
      assert.equal(rollout.phase, "healthy");
      const ended = (await entries()).filter(({ type }) => type === "saga-ended");
      assert.equal(ended.length, 1, "the deployment ends once");
    });

  for (const when of ["exposed", "contained", "step", "restored", "proving"])
    it(`in the phase ${when} finishes the way back of a bad one`, async () => {
      const { rollout, target, traffic, store } = await takenOver(when, { losses: 0.2 });
      assert.equal(rollout.rollback?.outcome, "verified");
      assert.ok(rollout.rollback?.restoredAt !== undefined);
      assert.equal(target.live("sim:model"), MODEL_1);
      assert.ok((traffic.lastServed(candidate.id) ?? 0) < rollout.rollback!.decidedAt);
      const keys = target.effects.map(({ key }) => key);
      assert.equal(new Set(keys).size, keys.length, "every effect once");
      assert.equal((await store.quarantine(candidate.id))?.reason, "rising");
    });

  // Nobody turns a rollback round by itself.
  const points = CRASH_POINTS.filter((point) => point !== "saga.turned");
  for (const point of points)
    it(`after a crash at ${point} ends in the right state`, async () => {
      const world = createControlWorld({ losses: 0.2 });
      const rollout = await world.live(async (): Promise<Rollout> => {
        const first = world.boot("to crash", point);
        const { id } = await world.release(candidate, first.control);
        await first.death;
        const { control } = world.boot("second");
        await control.resume();
        return control.ended(id);
      });
      assert.equal(rollout.rollback?.outcome, "verified");
      assert.equal(world.target.live("sim:model"), MODEL_1);
      const keys = world.target.effects.map(({ key }) => key);
      assert.equal(new Set(keys).size, keys.length);
    });

  it("finds the candidate's share lapsed, and restores it with the evidence of before", async () => {
    const { traffic, rollout, events } = await takenOver("judged", {}, 10_000);
    const exposed = events.filter(({ kind }) => kind === "exposed").map(({ at }) => at);
    assert.ok((exposed[1] ?? 0) - (exposed[0] ?? 0) > 10_000);
    assert.equal(rollout.phase, "healthy");
    assert.equal(rollout.exposedAt, exposed[0]);
    assert.equal(traffic.current("loans")?.stable, candidate.id);
  });

  it("tells people of the rollback whose controller died before it could, and not of one that was told", async () => {
    for (const [point, times] of [
      ["control.rollback-recorded", 1],
      ["control.restored", 0],
    ] as const) {
      const world = createControlWorld({ losses: 0.2 });
      await world.live(async () => {
        const first = world.boot("to crash", point);
        const { id } = await world.release(candidate, first.control);
        await first.death;
        const before = world.notices.length;
        const { control } = world.boot("second");
        await control.resume();
        const { rollback } = await control.ended(id);
        assert.deepEqual([rollback?.outcome, rollback?.owed], ["verified", undefined]);
        const told = world.notices.slice(before).filter((text) => text.includes("is rolled back: rising"));
        assert.equal(told.length, times, point);
      });
    }
  });

  it("waits for a controller that lives, and then gives up", async () => {
    const world = createControlWorld();
    await world.live(async () => {
      const { id } = await world.release();
      const { control } = world.boot("second");
      await control.resume();
      await assert.rejects(control.ended(id), { code: "RELEASE_REFUSED", message: /another controller acts on loans/ });
      await assert.rejects(control.pullCord(id, "on-call", "stop"), { code: "RELEASE_REFUSED" });
      assert.equal((await world.ended(id)).phase, "healthy");
    });
  });

  it("of a run that broke is possible in the same process", async () => {
    let broken = true;
    const world = createControlWorld({
      losses: 0.2,
      ports: ({ store }) => ({
        store: {
          ...store,
          commit: async (changes, ...more) => {
            const forward = changes.some((change) => change.kind === "route" && change.route.candidatePpm > 0);
            if (broken && forward) throw new Error("the disk is full");
            return store.commit(changes, ...more);
          },
        },
      }),
    });
    await world.live(async () => {
      const { id } = await world.release();
      await assert.rejects(world.ended(id), { message: "the disk is full" });
      assert.equal(world.traffic.current("loans")?.candidatePpm, 0, "not exposed before it was written");
      broken = false;
      await world.control.resume();
      await world.control.resume();
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
    });
  });
});

describe("a controller that lost its place", () => {
  for (const when of ["baseline", "exposed", "restored"])
    it(`in the phase ${when} stops and touches nothing any more`, async () => {
      const world = createControlWorld({ losses: 0.2 });
      await world.live(async () => {
        const { id } = await world.release();
        await world.until(() => world.events.some(({ kind }) => kind === when));
        const effects = world.target.effects.length;
        const { epoch } = world.traffic.current("loans")!;
        await world.store.acquireLease("system:loans", "first", 1, world.clock.now());
        await assert.rejects(world.ended(id), { name: "FencedError" });
        assert.equal(world.target.effects.length, effects);
        assert.ok(world.traffic.current("loans")!.epoch <= epoch + 1);
      });
    });

  it("while the components are restored ends without an unhandled error", async () => {
    const world = createControlWorld({
      losses: 0.2,
      ports: slowly(800),
    });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("contained"));
      await world.store.acquireLease("system:loans", "first", 1, world.clock.now());
      await assert.rejects(world.ended(id), { name: "FencedError" });
    });
  });
});

describe("a rollback that got stuck", () => {
  /** The model cannot be brought back until somebody mends the target. */
  async function stuck() {
    let broken = true;
    const world = createControlWorld({
      losses: 0.2,
      ports: ({ adapterFor }) => ({
        adapterFor: (at) => ({
          ...adapterFor(at),
          apply: async (request, signal) =>
            broken && request.desired === MODEL_1
              ? { kind: "refused", reason: "the artefact store is down" }
              : adapterFor(at).apply(request, signal),
        }),
      }),
    });
    const rollout = await world.live(async () => world.ended((await world.release()).id));
    const mend = () => {
      broken = false;
    };
    return { ...world, rollout, mend };
  }

  it("stays contained, says why, and tells people", async () => {
    const { rollout, control, traffic, notices, target } = await stuck();
    assert.deepEqual([rollout.phase, rollout.rollback?.outcome], ["degraded", "stuck"]);
    const report = await control.report(rollout.id);
    assert.equal(report.outcome, "stuck");
    assert.match(
      report.components.find(({ component }) => component === "model")?.note ?? "",
      /artefact store is down/,
    );
    assert.equal(traffic.current("loans")?.candidatePpm, 0);
    assert.equal(target.live("sim:model"), digestOf("model 2"));
    assert.match(notices.at(-1) ?? "", /model/);
    await assert.rejects(control.plan(candidate), { code: "RELEASE_REFUSED" });
  });

  it("is tried again by the same command after a restart, with new attempts, and recorded", async () => {
    const { rollout, boot, mend, live, target, traffic, entries, store, clock } = await stuck();
    const served = traffic.served(candidate.id).requests;
    const again = await live(async () => {
      await clock.sleep(60_000);
      mend();
      const { control } = boot("second");
      assert.equal((await control.resume())?.id, rollout.id);
      return control.ended(rollout.id);
    });
    assert.equal(again.rollback?.outcome, "verified");
    assert.equal(again.note, undefined);
    assert.equal(again.rollback?.decidedAt, rollout.rollback?.decidedAt);
    assert.equal(target.live("sim:model"), MODEL_1);
    assert.equal(traffic.served(candidate.id).requests, served, "contained all the while");
    const started = (await entries()).filter(({ type }) => type === "saga-started");
    assert.equal(started.length, 3);
    assert.match(started[2].data.why, /tried again after: stuck: model, schema/);
    const sagas = (await store.record(rollout.id))!.sagas.map(({ status }) => status);
    assert.deepEqual(sagas, ["completed", "stuck", "completed"]);
  });

  it("is stuck again when nobody mended it, and can be tried once more", async () => {
    const { rollout, control, mend, live } = await stuck();
    await live(async () => {
      await control.resume();
      assert.equal((await control.ended(rollout.id)).rollback?.outcome, "stuck");
      mend();
      await control.resume();
      assert.equal((await control.ended(rollout.id)).rollback?.outcome, "verified");
    });
    assert.equal(await control.resume(), undefined);
  });

  it("goes on by itself when the crash came before its end was recorded", async () => {
    const world = createControlWorld({
      losses: 0.2,
      ports: ({ store }) => ({
        store: {
          ...store,
          commit: async (changes, ...more) => {
            const written = await store.commit(changes, ...more);
            if (changes.some((change) => change.kind === "saga" && change.saga.status === "stuck")) world.kill();
            return written;
          },
        },
      }),
    });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      world.target.lose("sim:model", MODEL_1);
      await world.clock.sleep(20_000);
      const { control } = world.boot("second");
      await control.resume();
      return control.ended(id);
    });
    assert.equal(rollout.rollback?.outcome, "stuck");
    assert.equal(rollout.note, "stuck: model, schema");
  });
});

describe("a run that broke", () => {
  for (const when of ["route", "known-good"] as const)
    it(`when ${when} could not be written is taken up again by who looks on, without a restart`, async () => {
      let broken = true;
      const world = createControlWorld({
        ports: ({ store }) => ({
          store: {
            ...store,
            commit: async (changes, ...more) => {
              const hit = more[0] && changes.some(({ kind }) => kind === when);
              if (broken && hit) throw new Error("the disk is full");
              return store.commit(changes, ...more);
            },
          },
        }),
      });
      await world.live(async () => {
        const { id } = await world.release();
        await assert.rejects(world.ended(id), { message: "the disk is full" });
        await world.clock.sleep(10_000);
        broken = false;
        await world.until(async () => (await world.store.rollout(id))?.endedAt !== undefined);
        assert.equal((await world.ended(id)).phase, "healthy");
      });
    });

  for (const end of ["fails", "dies"])
    it(`when whoever was to seal its record ${end} is sealed afterwards, and once`, async () => {
      let broken = true;
      const world = createControlWorld({
        losses: 0.2,
        ports: ({ store }) => ({
          store: {
            ...store,
            async commit(changes, ...guarded) {
              const seals = changes.some((change) => change.kind === "entry" && change.entry.type === "sealed");
              if (!seals || !broken) return store.commit(changes, ...guarded);
              broken = false;
              if (end === "dies") world.kill();
              throw new Error("connection refused");
            },
          },
        }),
      });
      const sealed = async () => (await world.entries()).filter(({ type }) => type === "sealed").length;
      await world.live(async () => {
        const { id } = await world.release();
        await world.until(() => !broken);
        assert.equal((await world.store.rollout(id))?.rollback?.outcome, "verified");
        assert.equal(await sealed(), 0);
        if (end === "dies") world.boot("second");
        await world.clock.sleep(60_000);
      });
      assert.equal(await sealed(), 1);
    });
});

describe("a rollout whose opening was answered with an error, and recorded all the same", () => {
  it("is run by who looks on", async () => {
    let lost = true;
    const world = createControlWorld({
      ports: ({ store }) => ({
        store: {
          ...store,
          commit: async (changes, ...rest) => {
            const written = await store.commit(changes, ...rest);
            const opens = changes.some((one) => one.kind === "entry" && one.entry.type === "rollout-started");
            if (opens && lost) {
              lost = false;
              throw new Error("connection reset");
            }
            return written;
          },
        },
      }),
    });
    await world.live(async () => {
      await assert.rejects(world.release(), { message: "connection reset" });
      const ended = async () => (await world.store.rollouts())[0]?.endedAt !== undefined;
      await world.until(ended);
      assert.equal((await world.store.rollouts())[0]?.phase, "healthy");
    }, 200_000);
  });
});
