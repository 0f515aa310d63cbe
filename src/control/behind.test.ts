import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { candidate, createControlWorld, third, type WorldOptions } from "./world.fixture.ts";

const MODEL_2 = digestOf("model 2");
const HOUR = 3_600_000;

/** How a bad release ends, within a minute, whose controller's clock is set back by an hour at an event of this kind. */
async function setBackAt(kind: string) {
  let back = 0;
  const world = createControlWorld({
    losses: 0.2,
    ports: ({ clock, signals }) => ({
      clock: { ...clock, now: () => clock.now() - back },
      signals: {
        drain: () =>
          signals.drain().map((one) => ({ ...one, bucket: one.bucket - back, known: (one.known ?? 0) - back })),
      },
    }),
  });
  return world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.events.some((event) => event.kind === kind));
    back = HOUR;
    const asked = world.clock.now();
    const rollout = await world.ended(id);
    assert.ok(world.clock.now() - asked < 60_000);
    return rollout;
  });
}

describe("a controller that knows less than the store", () => {
  it("is given a new start by an order, when its run broke before the end", async () => {
    let broken = 1;
    const world = createControlWorld({
      ports: ({ store }) => ({
        store: {
          ...store,
          async commit(changes, ...more) {
            if (changes.some(({ kind }) => kind === "route") && more[0] && broken-- > 0) throw new Error("a full disk");
            return store.commit(changes, ...more);
          },
        },
      }),
    });
    await world.live(async () => {
      const { id } = await world.release();
      await assert.rejects(world.ended(id), /a full disk/);
      await world.control.pullCord(id, "on-call", "it looks wrong");
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
    });
  });

  it("proves anew when its clock was set back by an hour", async () => {
    assert.equal((await setBackAt("proving")).rollback?.outcome, "verified");
  });
});

describe("a rollback whose answer from the store is lost", () => {
  /** A bad release, and a store that takes the first write with such an entry and does not say so. */
  const losing = (what: RegExp, more: WorldOptions = {}) => {
    let lost = false;
    return createControlWorld({
      losses: 0.3,
      ...more,
      ports: ({ store }) => ({
        store: {
          ...store,
          async commit(changes, ...more) {
            const answer = await store.commit(changes, ...more);
            if (lost || !changes.some((change) => change.kind === "entry" && what.test(JSON.stringify(change.entry))))
              return answer;
            lost = true;
            throw new Error("the store did not answer");
          },
        },
      }),
    });
  };

  it("at the decision, still ends when its restore is stuck, and people are told", async () => {
    const world = losing(/"type":"verdict"/);
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      world.target.lose("sim:model", digestOf("model 1"));
      assert.equal((await world.ended(id)).rollback?.outcome, "stuck");
      assert.equal(world.notices.filter((text) => text.includes("people are needed")).length, 1);
    });
  });

  it("at its end, is over: nothing is restored once more because of what happens after it", async () => {
    const world = losing(/"type":"rollback-ended"/);
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(async () => (await world.store.rollout(id))?.endedAt !== undefined);
      world.target.rivalWrite("sim:model", MODEL_2);
      const ended = await world.ended(id);
      assert.equal(ended.rollback?.outcome, "verified");
      assert.equal((await world.store.sagas(id)).filter(({ plan }) => plan.kind === "rollback").length, 1);
      assert.deepEqual(await world.store.rollout(id), ended);
    });
  });

  /** How many such entries there are. */
  const entriesOf = async (world: ReturnType<typeof losing>, wanted: string) =>
    (await world.entries()).filter(({ type }) => type === wanted).length;

  it("when it moves on to the next target, is told and recorded once", async () => {
    const world = losing(/"type":"moved-on"/, { sickAfterRestore: third.id });
    await world.live(async () => {
      const { id: before } = await world.release(third);
      await world.ended(before);
      const { id } = await world.control.release(candidate);
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
      assert.equal(await entriesOf(world, "moved-on"), 1);
    });
  });

  it("when it restores once more, leaves no saga behind", async () => {
    const world = losing(/"type":"saga-started".*changed again/);
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("proving"));
      world.target.rivalWrite("sim:model", MODEL_2);
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
      const sagas = (await world.store.sagas(id)).filter(({ plan }) => plan.kind === "rollback");
      assert.deepEqual(
        sagas.map(({ status }) => status),
        ["completed", "completed"],
      );
    });
  });
});

describe("a halt while the next target is looked for", () => {
  it("is heard, and nothing goes further", async () => {
    let slow = false;
    const world = createControlWorld({
      losses: 0.3,
      sickAfterRestore: third.id,
      ports: ({ store, clock }) => ({
        store: {
          ...store,
          async rollouts(system, limit) {
            if (slow && (limit ?? 0) > 1) await clock.sleep(1000);
            return store.rollouts(system, limit);
          },
        },
      }),
    });
    await world.live(async () => {
      const { id: before } = await world.release(third);
      await world.ended(before);
      const { id } = await world.control.release(candidate);
      slow = true;
      await world.until(async () => (await world.store.rollout(id))?.rollback?.tried !== undefined);
      await world.control.pause(id, "ada", "stop now");
      const { rollback, note } = await world.ended(id);
      assert.deepEqual([rollback?.outcome, rollback?.held, rollback?.halted?.by], ["stuck", true, "ada"]);
      assert.match(note ?? "", /halted by ada/);
    });
  });
});

describe("a clock that is set back", () => {
  it("to before the exposure, hides no harm from then on", async () => {
    assert.equal((await setBackAt("exposed")).rollback?.cause[0], "harm");
  });

  it("while a step is written, lengthens no share beyond its lease", async () => {
    let back = 0;
    const leases: number[] = [];
    const world = createControlWorld({
      ports: ({ clock, store, traffic }) => {
        const now = () => clock.now() - back;
        return {
          clock: { ...clock, now },
          store: {
            ...store,
            async commit(changes, ...more) {
              if (changes.some(({ kind }) => kind === "route")) back = HOUR;
              return store.commit(changes, ...more);
            },
          },
          traffic: {
            ...traffic,
            renew(system, until) {
              leases.push(until - now());
              traffic.renew(system, until + back);
            },
          },
        };
      },
    });
    await world.live(async () => {
      await world.release();
      await world.until(() => world.kinds().includes("exposed"));
    });
    assert.ok(leases.length > 0 && Math.max(...leases) <= 2000, String(leases));
  });
});

describe("a write of a deployment that arrives late", () => {
  it("is kept out by the way back, though that found everything in place", async () => {
    const world = createControlWorld({
      ports: ({ adapterFor, clock }) => ({
        adapterFor: (at) => ({
          ...adapterFor(at),
          async apply(request, signal) {
            if (request.desired !== MODEL_2) return adapterFor(at).apply(request, signal);
            void clock.sleep(120_000).then(() => adapterFor(at).apply(request, new AbortController().signal));
            return { kind: "unknown", reason: "no answer" };
          },
        }),
      }),
    });
    await world.live(async () => {
      const { id } = await world.release();
      const { phase, rollback } = await world.ended(id);
      assert.deepEqual([phase, rollback], ["aborted", undefined]);
      await world.clock.sleep(240_000);
    });
    assert.equal(world.target.live("sim:model"), digestOf("model 1"));
  });
});
