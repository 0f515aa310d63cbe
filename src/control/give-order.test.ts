import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { Rollout } from "../core/rollout.ts";
import { renderReport } from "../record/report-text.ts";
import { candidate, createControlWorld, playbook, slowly, stable, type WorldOptions } from "./world.fixture.ts";

/** Pulls the cord of a rollout at the moment at which it is so, and answers how it ended. */
async function pulled(when: "baseline" | "deploying" | "exposed" | "restored", options: WorldOptions = {}) {
  const world = createControlWorld(options);
  return world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.kinds().includes(when));
    const acknowledged = await world.control.pullCord(id, "on-call", "it looks wrong: very");
    const servedThen = world.traffic.served(candidate.id).requests;
    const rollout = await world.ended(id);
    return { ...world, acknowledged, servedThen, rollout, served: world.traffic.served(candidate.id).requests };
  });
}

describe("the cord", () => {
  it("pulled during the baseline ends the rollout before anything is changed", async () => {
    const { rollout, target, served, control, store, entries } = await pulled("baseline");
    assert.deepEqual([rollout.phase, rollout.note], ["aborted", "on-call: it looks wrong: very"]);
    assert.equal(rollout.rollback, undefined);
    assert.deepEqual(target.effects, []);
    assert.equal(served, 0);
    assert.equal((await control.report(rollout.id)).outcome, "undecided");
    assert.equal(await store.quarantine(candidate.id), undefined);
    const last = (await entries()).at(-3);
    assert.equal((await entries()).at(-1).type, "sealed");
    assert.deepEqual([last.type, last.actor, last.data.outcome], ["rollout-ended", "on-call", "aborted"]);
  });

  it("pulled during the deployment goes back without ever exposing the candidate", async () => {
    const { rollout, target, served } = await pulled("deploying", { ports: slowly(400) });
    assert.equal(served, 0);
    assert.equal(rollout.exposedAt, undefined);
    assert.deepEqual(rollout.rollback?.cause, ["person", "on-call: it looks wrong: very"]);
    assert.equal(rollout.rollback?.outcome, "verified");
    assert.equal(target.live("sim:model"), digestOf("model 1"));
  });

  it("pulled during a deployment that fails goes back for the person", async () => {
    const world = createControlWorld({ ports: slowly(400) });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      world.target.lose("sim:model", digestOf("model 2"));
      await world.until(() => world.kinds().includes("deploying"));
      await world.control.pullCord(id, "on-call", "stop");
      return world.ended(id);
    });
    assert.equal(rollout.rollback?.cause[0], "person");
  });

  it("pulled during the exposure contains at once, and is durable when it is acknowledged", async () => {
    const { rollout, acknowledged, served, servedThen, store, entries } = await pulled("exposed");
    assert.ok(servedThen > 0 || served === 0);
    assert.equal(served, servedThen);
    assert.deepEqual([acknowledged.phase, acknowledged.note], ["paused", "on-call: it looks wrong: very"]);
    assert.equal(rollout.rollback?.cause[0], "person");
    assert.equal(rollout.rollback?.outcome, "verified");
    assert.equal((await store.quarantine(candidate.id))?.reason, "on-call: it looks wrong: very");
    const verdict = (await entries()).find(({ type }) => type === "verdict");
    assert.equal(verdict.actor, "on-call");
  });

  it("pulled during a rollback lets it go on as it is", async () => {
    const { rollout, acknowledged } = await pulled("restored", { losses: 0.2 });
    assert.equal(acknowledged.phase, "degraded");
    assert.equal(rollout.rollback?.cause[0], "harm");
    assert.equal(rollout.rollback?.outcome, "verified");
  });

  it("that is pulled twice is pulled once, by the first", async () => {
    const world = createControlWorld();
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await Promise.all([world.control.pullCord(id, "first", "a"), world.control.pullCord(id, "second", "b")]);
      return world.ended(id);
    });
    assert.deepEqual(rollout.rollback?.cause, ["person", "first: a"]);
  });

  it("cannot be pulled after the end, for an unknown rollout, or where another process runs it", async () => {
    const { control, boot, rollout } = await pulled("baseline");
    await assert.rejects(control.pullCord(rollout.id, "a", "b"), { code: "NOT_FOUND", message: /it has ended/ });
    await assert.rejects(control.pullCord("rollout-9", "a", "b"), { code: "NOT_FOUND" });
    await assert.rejects(boot("second").control.pullCord(rollout.id, "a", "b"), { code: "NOT_FOUND" });
  });

  it("pulled while the promotion is being recorded takes it back", async () => {
    let promoting: (() => void) | undefined;
    let hold = Promise.resolve();
    const world = createControlWorld({
      ports: ({ store }) => ({
        store: {
          ...store,
          commit: async (changes, ...more) => {
            const promoted = changes.some((change) => change.kind === "rollout" && change.rollout.phase === "healthy");
            if (promoted) {
              promoting?.();
              await hold;
            }
            return store.commit(changes, ...more);
          },
        },
      }),
    });
    await world.live(async () => {
      const { id } = await world.release();
      const { promise, resolve } = Promise.withResolvers<void>();
      const gone = Promise.withResolvers<void>();
      promoting = resolve;
      hold = gone.promise;
      await promise;
      const late = world.control.pullCord(id, "on-call", "stop");
      gone.resolve();
      await late;
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
    });
    assert.equal(world.traffic.current("loans")?.candidatePpm, 0);
    assert.equal((await world.store.lastKnownGood("loans"))?.release, stable.id);
  });

  for (const when of ["baseline", "deploying", "exposed"] as const)
    it(`pulled in the phase ${when} is not forgotten by a crash`, async () => {
      const world = createControlWorld({ ports: slowly(400) });
      const rollout = await world.live(async (): Promise<Rollout> => {
        const { id } = await world.release();
        await world.until(() => world.kinds().includes(when));
        await world.control.pullCord(id, "on-call", "stop");
        world.kill();
        const served = world.traffic.served(candidate.id).requests;
        const { control } = world.boot("second");
        await control.resume();
        const ended = await control.ended(id);
        assert.equal(world.traffic.served(candidate.id).requests, served);
        return ended;
      });
      if (when === "baseline") assert.equal(rollout.note, "on-call: stop");
      else assert.deepEqual(rollout.rollback?.cause, ["person", "on-call: stop"]);
      assert.equal(world.target.live("sim:model"), digestOf("model 1"));
    });

  it("pulled before the right to act is taken over counts from the moment it is", async () => {
    const world = createControlWorld();
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      world.kill();
      const { control } = world.boot("second");
      await control.resume();
      const served = world.traffic.served(candidate.id).requests;
      const pulled = control.pullCord(id, "on-call", "stop");
      await pulled;
      assert.equal((await control.ended(id)).rollback?.cause[0], "person");
      assert.ok(world.traffic.served(candidate.id).requests - served <= 1000);
    });
  });
});

describe("a person who steers", () => {
  const exposed = async (
    story: (world: ReturnType<typeof createControlWorld>, id: string) => Promise<void>,
    options: WorldOptions = {},
  ) => {
    const world = createControlWorld(options);
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await story(world, id);
    });
    return world;
  };

  it("holds a rollout at its step, through a crash, and lets it go on", async () => {
    await exposed(async (world, id) => {
      const held = await world.control.pause(id, "on-call", "lunch");
      assert.deepEqual([held.phase, held.order?.kind], ["paused", "pause"]);
      await world.clock.sleep(60_000);
      assert.equal((await world.store.rollout(id))?.step, 0);
      world.kill();
      const { control } = world.boot("second");
      await control.resume();
      await world.clock.sleep(20_000);
      assert.deepEqual([(await world.store.rollout(id))?.phase, (await world.store.rollout(id))?.step], ["paused", 0]);
      const free = await control.proceed(id, "on-call");
      assert.deepEqual([free.phase, free.order, free.note], ["progressing", undefined, undefined]);
      assert.equal((await control.ended(id)).phase, "healthy");
    });
  });

  it("holds it, and harm goes back all the same", async () => {
    const world = await exposed(
      async (world, id) => {
        await world.control.pause(id, "on-call", "lunch");
        assert.equal((await world.ended(id)).rollback?.outcome, "verified");
      },
      { losses: 0.2 },
    );
    assert.equal(world.target.live("sim:model"), digestOf("model 1"));
  });

  it("aborts without a quarantine", async () => {
    const world = await exposed(async (world, id) => {
      await world.control.abort(id, "on-call", "wrong day");
      assert.equal((await world.ended(id)).rollback?.cause[0], "person");
    });
    assert.equal(await world.store.quarantine(candidate.id), undefined);
    assert.equal(world.target.live("sim:model"), digestOf("model 1"));
  });

  it("ends the waiting with a promotion, which the ledger tells with the verdict of that moment", async () => {
    const world = await exposed(async (world, id) => {
      await world.until(() => world.kinds().includes("judged"));
      await world.clock.sleep(1500);
      await world.control.promote(id, "on-call", "it must be out today");
      assert.equal((await world.ended(id)).phase, "healthy");
      const { sentences } = await world.control.explain(id);
      assert.equal(sentences[0], "It was promoted by on-call: it must be out today. It was inconclusive then.");
      const report = renderReport(await world.control.report(id));
      assert.match(report, /^loans: PROMOTED by on-call, and inconclusive then: it must be out today$/m);
    });
    const orders = (await world.entries()).filter(({ type }) => type === "ordered");
    assert.deepEqual(
      orders.map(({ actor, data }) => [actor, data.order, data.reason]),
      [["on-call", "promote", "it must be out today"]],
    );
    assert.equal((await world.entries()).find(({ type }) => type === "promoted").actor, "on-call");
  });

  for (const order of ["promote", "pause"] as const)
    it(`is not obeyed after an answer that ${order} could not be recorded`, async () => {
      let away = false;
      const ports: WorldOptions["ports"] = ({ store }) => ({
        store: {
          ...store,
          commit: async (changes, ...rest) => {
            if (away && changes.some((one) => one.kind === "entry" && one.entry.type === "ordered"))
              throw new Error("the disk is full");
            return store.commit(changes, ...rest);
          },
        },
      });
      const how = { ...playbook.how, each: 20_000 };
      await exposed(
        async (world, id) => {
          const { control, store, clock } = world;
          await clock.sleep(3000);
          away = true;
          await assert.rejects(control[order](id, "ada", "friday"), { message: "the disk is full" });
          await clock.sleep(25_000);
          const { step, order: standing, promotedAt } = (await store.rollout(id))!;
          assert.deepEqual([step, standing, promotedAt], [1, undefined, undefined]);
        },
        { playbook: { how }, ports },
      );
    });

  it("cannot promote what nobody has seen", async () => {
    await exposed(
      async (world, id) => {
        await world.clock.sleep(10_000);
        await assert.rejects(world.control.promote(id, "on-call", "go"), {
          code: "RELEASE_REFUSED",
          message: /no-data/,
        });
        await world.control.abort(id, "on-call", "then not");
        await assert.rejects(world.control.pause(id, "on-call", "x"), {
          code: "RELEASE_REFUSED",
          message: /on its way back/,
        });
        await world.ended(id);
        await assert.rejects(world.control.pause(id, "on-call", "x"), { code: "NOT_FOUND" });
      },
      { blind: true },
    );
  });

  it("quarantines a release, which is then refused", async () => {
    const world = createControlWorld();
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.store.commit([{ kind: "release", release: candidate }]);
      await world.control.quarantine(candidate.id, "security", "a poisoned data set");
      await assert.rejects(world.control.release(candidate), { message: /security: a poisoned data set/ });
    });
  });
});
