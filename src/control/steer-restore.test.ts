import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { haltRestore } from "./steer-restore.ts";
import { candidate, createControlWorld, slowly, stable, third } from "./world.fixture.ts";

const [MODEL_1, MODEL_2] = [digestOf("model 1"), digestOf("model 2")];

/** A rollback that was halted while the model, which the schema waits for, was being restored. */
async function halted() {
  const world = createControlWorld({ losses: 0.2, ports: slowly(400) });
  const rollout = await world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.kinds().includes("contained"));
    await world.control.pause(id, "ada", "not the schema");
    await world.control.pause(id, "bob", "nor anything else");
    return world.ended(id);
  });
  return { ...world, rollout };
}

describe("a restore that a person halts", () => {
  it("ends what is under way, begins nothing else, and stays contained", async () => {
    const { rollout, target, traffic, notices, entries } = await halted();
    assert.equal(rollout.rollback?.outcome, "stuck");
    assert.match(rollout.note ?? "", /stuck: schema; halted by ada: not the schema/);
    assert.equal(target.live("sim:model"), MODEL_1);
    assert.equal(target.live("sim:schema"), digestOf("schema 2"));
    assert.equal(traffic.current("loans")?.candidatePpm, 0);
    assert.match(notices.at(-1) ?? "", /halted by ada/);
    const orders = (await entries()).filter(({ type }) => type === "ordered");
    assert.deepEqual(
      orders.map(({ actor, data }) => [actor, data.order]),
      [["ada", "halt"]],
    );
  });

  it("is not taken up by a restart, but by a person", async () => {
    const world = await halted();
    assert.equal(await world.boot("second").control.resume(), undefined);
    await world.live(async () => {
      const { control } = world.boot("third");
      await control.proceed(world.rollout.id, "ada");
      assert.equal((await control.ended(world.rollout.id)).rollback?.outcome, "verified");
    });
    assert.equal(world.target.live("sim:schema"), digestOf("schema 1"));
  });

  it("goes on once it was taken up, also where the store fails at that moment", async () => {
    let fails = false;
    const world = createControlWorld({
      losses: 0.2,
      ports: (shared) => ({
        ...slowly(400)(shared),
        store: {
          ...shared.store,
          commit: async (changes, ...rest) => {
            const failed = fails && changes.some(({ kind }) => kind === "saga");
            if (failed) fails = false;
            if (failed) throw new Error("connection refused");
            return shared.store.commit(changes, ...rest);
          },
        },
      }),
    });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("contained"));
      await world.control.pause(id, "ada", "wait");
      await world.ended(id);
      fails = true;
      await world.control.proceed(id, "ada");
      await world.until(async () => (await world.store.rollout(id))?.rollback?.outcome === "verified");
    }, 200_000);
  });

  it("is told to people by the controller that looks on next, as the one that recorded it may have died before", async () => {
    const world = await halted();
    world.kill();
    const before = world.notices.length;
    await world.live(async () => {
      const { control } = world.boot("second");
      assert.equal(await control.resume(), undefined);
      await world.clock.sleep(60_000);
    });
    const told = world.notices.slice(before);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", /release 2 is contained, but people are needed: .*halted by ada/);
  });

  it("is put back on a person's order, with the reason on record, and never by itself", async () => {
    const world = await halted();
    const rollout = await world.live(async () => {
      await world.clock.sleep(60_000);
      assert.equal(world.target.live("sim:model"), MODEL_1);
      await world.control.redeploy(world.rollout.id, "ada", "the old model is worse");
      return world.ended(world.rollout.id);
    });
    assert.equal(world.target.live("sim:model"), MODEL_2);
    assert.equal(rollout.rollback?.outcome, "stuck");
    assert.match(rollout.note ?? "", /^ada: the old model is worse; taken back$/);
    assert.equal(world.traffic.current("loans")?.candidatePpm, 0);
    const turned = (await world.entries()).filter(({ type }) => type === "saga-turned");
    assert.deepEqual([turned.length, turned[0]?.actor], [1, "ada"]);
    assert.equal(await world.boot("second").control.resume(), undefined);
  });

  it("brings back what served, also where a crash lost who had put it back", async () => {
    const world = createControlWorld({ losses: 0.2 });
    await world.live(async () => {
      const dying = world.boot("dying", "control.rollback-recorded");
      const { id } = await world.release(candidate, dying.control);
      await dying.death;
      world.target.rivalWrite("sim:model", MODEL_1);
      world.target.lose("sim:schema", digestOf("schema 1"));
      const { control } = world.boot("second");
      await control.resume();
      assert.equal((await control.ended(id)).rollback?.outcome, "stuck");
      await control.redeploy(id, "ada", "model 1 is worse");
      assert.match((await control.ended(id)).note ?? "", /^ada: model 1 is worse; taken back$/);
    });
    assert.equal(world.target.live("sim:model"), MODEL_2);
  });

  it("brings back what served, also after a restore that ended and was undone", async () => {
    const world = createControlWorld({ losses: 0.2 });
    await world.live(async () => {
      const { id } = await world.release();
      const live = () => world.target.live("sim:model");
      const undone = new AbortController();
      const undo = async () => {
        while (!undone.signal.aborted) {
          await world.clock.sleep(500);
          if (world.kinds().includes("restored") && live() !== MODEL_2) world.target.rivalWrite("sim:model", MODEL_2);
        }
      };
      void undo();
      assert.match((await world.ended(id)).note ?? "", /changed again after the restore/);
      undone.abort();
      await world.clock.sleep(1000);
      world.target.rivalWrite("sim:model", MODEL_1);
      await world.control.redeploy(id, "ada", "model 1 is worse");
      const { note, rollback } = await world.ended(id);
      assert.match(note ?? "", /^ada: model 1 is worse; taken back$/);
      assert.deepEqual([rollback?.outcome, rollback?.restoredAt], ["stuck", undefined]);
    });
    assert.equal(world.target.live("sim:model"), MODEL_2);
  });

  it("holds over a crash", async () => {
    const world = createControlWorld({ losses: 0.2, ports: slowly(400) });
    const rollout = await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("contained"));
      await world.control.pause(id, "ada", "wait");
      world.kill();
      const { control } = world.boot("second");
      await control.resume();
      return control.ended(id);
    });
    assert.equal(rollout.rollback?.outcome, "stuck");
    assert.equal(world.target.live("sim:schema"), digestOf("schema 2"));
  });

  it("holds also where it comes after the last step, while rivals are thawed", async () => {
    let thawing = false;
    const world = createControlWorld({
      losses: 0.2,
      ports: ({ store, clock }) => ({
        store: {
          ...store,
          // Read again, after the saga has ended stuck, for what was frozen.
          sagas: async (id) => {
            const sagas = await store.sagas(id);
            thawing = sagas.some(({ status }) => status === "stuck");
            if (thawing) await clock.sleep(2000);
            return sagas;
          },
        },
      }),
    });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      world.target.lose("sim:model", MODEL_1);
      await world.until(() => thawing);
      await world.control.pause(id, "ada", "do not touch it");
      assert.equal((await world.ended(id)).rollback?.halted?.by, "ada");
      world.kill();
      await world.clock.sleep(4000);
      assert.equal(await world.boot("second").control.resume(), undefined);
    });
  });

  it("is no release of anybody's meanwhile, however long it takes and whoever restarts", async () => {
    const world = await halted();
    await world.live(async () => {
      await world.clock.sleep(120_000);
      world.boot("second");
      await world.clock.sleep(120_000);
      assert.deepEqual(
        (await world.store.rollouts("loans")).map(({ id }) => id),
        [world.rollout.id],
      );
      assert.equal((await world.store.lastKnownGood("loans"))?.release, stable.id);
    });
  });

  it("lets a release of other hands be noticed", async () => {
    const world = await halted();
    await world.live(async () => {
      for (const name of ["model", "schema"]) world.target.rivalWrite(`sim:${name}`, digestOf(`${name} 3`));
      await world.until(() => world.kinds().includes("noticed"));
    });
  });

  it("stays what it is when that one is over: what it left is nobody's release, and a person may take it up", async () => {
    const world = await halted();
    await world.live(async () => {
      const { rollback: _, ...rest } = world.rollout;
      const theirs = { ...rest, id: "theirs", unannounced: true, phase: "healthy" } as const;
      await world.store.commit([{ kind: "rollout", rollout: theirs }]);
      for (const name of ["model", "schema"]) world.target.rivalWrite(`sim:${name}`, digestOf(`${name} 2`));
      await world.clock.sleep(120_000);
      assert.equal((await world.store.rollouts("loans")).length, 2);
      await world.control.proceed(world.rollout.id, "ada");
      await world.ended(world.rollout.id);
      assert.equal(world.target.live("sim:schema"), digestOf("schema 1"));
    });
  });

  it("is refused where nothing is being restored", async () => {
    const world = createControlWorld({ losses: 0.2 });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      for (const order of [world.control.proceed(id, "ada").then(() => world.control.redeploy(id, "ada", "no"))])
        await assert.rejects(order, { code: "RELEASE_REFUSED" });
      await world.until(() => world.kinds().includes("restored"));
      await assert.rejects(world.control.pause(id, "ada", "late"), { message: /nothing is being restored/ });
      await world.ended(id);
    });
    await assert.rejects(haltRestore({ rollout: {} } as never, { kind: "pause", by: "a", reason: "b" }), {
      code: "RELEASE_REFUSED",
    });
  });
});

describe("a stuck restore that is taken up again", () => {
  /** Halted, and mended by other hands; while `gate` says so, the gate and the lease take their time. */
  async function mended() {
    let slow = false;
    const world = createControlWorld({
      losses: 0.2,
      ports: (shared) => {
        const pause = async () => void (slow && (await shared.clock.sleep(1500)));
        return {
          adapterFor: (at) => {
            const adapter = slowly(slow ? 0 : 400)(shared).adapterFor!(at);
            return { ...adapter, holds: async (...asked) => pause().then(() => adapter.holds(...asked)) };
          },
          store: {
            ...shared.store,
            acquireLease: (...asked) => pause().then(() => shared.store.acquireLease(...asked)),
          },
        };
      },
    });
    const { id } = await world.live(async () => {
      const opened = await world.release();
      await world.until(() => world.kinds().includes("contained"));
      await world.control.pause(opened.id, "ada", "wait");
      return world.ended(opened.id);
    });
    for (const name of ["model", "schema"]) world.target.rivalWrite(`sim:${name}`, digestOf(`${name} 1`));
    slow = true;
    const opened = async () => (await world.store.rollouts("loans")).length;
    return { ...world, id, opened };
  }

  it("waits for a release that is at the gate, and is refused then", async () => {
    const { live, control, clock, id, opened, kill } = await mended();
    await live(async () => {
      const releasing = control.release(third);
      await clock.sleep(2000);
      await assert.rejects(control.proceed(id, "bob"), { message: /is no rollback that waits for people/ });
      await releasing;
      assert.equal(await opened(), 2);
      kill();
    });
  });

  for (const by of ["a person", "a restart"])
    it(`by ${by} leaves nothing to a release that comes next`, async () => {
      const { live, control, store, id, opened, boot } = await mended();
      await live(async () => {
        const { rollback, ...rollout } = (await store.rollout(id))!;
        const { halted: _, held: __, ...free } = rollback!;
        if (by === "a restart") await store.commit([{ kind: "rollout", rollout: { ...rollout, rollback: free } }]);
        const second = by === "a restart" ? boot("second").control : control;
        await (by === "a restart" ? second.resume() : second.proceed(id, "bob"));
        await assert.rejects(second.release(third), { message: /a rollout is being taken up/ });
        assert.equal((await second.ended(id)).rollback?.outcome, "verified");
        assert.equal(await opened(), 1);
      });
    });
});
