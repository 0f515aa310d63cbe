import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Applied, Observed } from "../core/ports.ts";
import { runSaga } from "./saga-runner.ts";
import type { Patience } from "./step-run.ts";
import { aSaga, aStep, createWorld, journalOf, NEW, OLD, OTHER, START } from "./world.fixture.ts";

const QUICK: Patience = { attempts: 3, callMs: 1000, pauseMs: 100 };
const unreachable: Observed = { kind: "unreachable", reason: "connection refused" };
const lost: Applied = { kind: "unknown", reason: "the answer was lost" };

/** Runs a saga of one step, or of these. */
async function restore(world: ReturnType<typeof createWorld>, steps = [aStep("model")]) {
  const lease = await world.lease();
  const end = await world.clock.run(runSaga(world.ports(), aSaga(steps), lease, QUICK));
  return { end: end.kind, journal: await journalOf(world.store), lease };
}

describe("a step", () => {
  it("reads, makes its intent durable, sends, reads back, and only then is done", async () => {
    const world = createWorld();
    const { end, journal, lease } = await restore(world);
    assert.equal(end, "completed");
    assert.deepEqual(world.log, ["read model", "intent model", "apply model", "read model", "done model"]);
    const { key, ...rest } = journal["model"]!;
    assert.match(key, /^sha256:/);
    assert.deepEqual(rest, {
      saga: "saga-1",
      step: "model",
      status: "done",
      fence: lease.fence,
      targetFence: 1,
      attempts: 1,
      before: NEW,
      desired: OLD,
      found: OLD,
      intentAt: START,
      endedAt: START,
      recovered: false,
    });
  });

  it("writes each of its records together with a ledger entry", async () => {
    const world = createWorld();
    await restore(world);
    const leaves = (await world.store.entries(0, 10)).map(({ leaf }) => JSON.parse(leaf) as { type: string });
    assert.deepEqual(
      leaves.map(({ type }) => type),
      ["step-intent", "step-done", "saga-ended"],
    );
  });

  it("sends what changes nothing where an older write may still be under way, until the target has taken it", async () => {
    const world = createWorld();
    world.target.live.set("model", OLD);
    let lostOnes = 1;
    world.target.onApply = async () => (lostOnes-- > 0 ? lost : undefined);
    const lease = await world.lease();
    const ports = world.ports({ underWay: new Set(["model"]) });
    const end = await world.clock.run(runSaga(ports, aSaga([aStep("model")]), lease, QUICK));
    assert.equal(end.kind, "completed");
    assert.equal(world.target.requests.length, 2);
    assert.equal(world.target.effects.length, 1);
  });

  it("once it is halted sends nothing more, and gives up when it has read what became of the last", async () => {
    const world = createWorld();
    world.target.onApply = async () => lost;
    const lease = await world.lease();
    const ports = world.ports({ halted: () => (world.target.requests.length > 0 ? "halted by ada: wait" : undefined) });
    const end = await world.clock.run(runSaga(ports, aSaga([aStep("model")]), lease, QUICK));
    assert.equal(end.kind, "stuck");
    assert.deepEqual(world.log, ["read model", "intent model", "apply model", "read model", "stuck model"]);
    assert.equal((await journalOf(world.store))["model"]?.note, "the answer was lost; halted by ada: wait");
  });

  it("once it is halted does not wait for what serves", async () => {
    const world = createWorld();
    let asked = 0;
    const target = {
      ...world.target,
      seen: async () => {
        asked += 1;
        return { kind: "unreachable", reason: "the reload gives no answer" } as const;
      },
    };
    const ports = world.ports({
      adapterFor: () => target,
      halted: () => (asked > 2 ? "halted by ada: wait" : undefined),
    });
    const lease = await world.lease();
    const end = await world.clock.run(runSaga(ports, aSaga([aStep("model")]), lease, QUICK));
    assert.equal(end.kind, "stuck");
    assert.ok(world.clock.now() < START + 1000);
    assert.match(
      (await journalOf(world.store))["model"]?.note ?? "",
      /the reload gives no answer; halted by ada: wait/,
    );
  });

  it("sends nothing where the desired revision serves already, and says so", async () => {
    const world = createWorld();
    world.target.live.set("model", OLD);
    const { end, journal } = await restore(world);
    assert.equal(end, "completed");
    assert.deepEqual(world.log, ["read model", "done model"]);
    assert.equal(journal["model"]?.note, "was in place already; nothing was sent");
    assert.equal(journal["model"]?.attempts, 0);
  });

  it("repeats with the same key, reads before every send, and counts its attempts before it makes them", async () => {
    const world = createWorld();
    world.target.onApply = async () => (world.target.requests.length < 3 ? lost : undefined);
    const { end, journal } = await restore(world);
    assert.equal(end, "completed");
    const once = ["read model", "intent model", "apply model"];
    assert.deepEqual(world.log, [...once, ...once, ...once, "read model", "done model"]);
    assert.equal(new Set(world.target.requests.map(({ key }) => key)).size, 1);
    assert.equal(journal["model"]?.attempts, 3);
    assert.equal(world.target.effects.length, 1);
    assert.equal(world.clock.now(), START + 100 + 200);
  });

  it("finds out by reading that a lost reply had its effect, and does not repeat it", async () => {
    const world = createWorld();
    world.target.onApplied = async () => lost;
    assert.equal((await restore(world)).end, "completed");
    assert.deepEqual(world.log, ["read model", "intent model", "apply model", "read model", "done model"]);
    assert.equal(world.target.effects.length, 1);
  });

  it("reads once more before it gives up: the last reply may be the lost one", async () => {
    const world = createWorld();
    world.target.onApply = async () => (world.target.requests.length < 3 ? lost : undefined);
    world.target.onApplied = async () => lost;
    const { end, journal } = await restore(world);
    assert.equal(end, "completed");
    assert.equal(journal["model"]?.status, "done");
    assert.equal(world.target.effects.length, 1);
  });

  it("is stuck when the target says yes for ever and never serves it", async () => {
    const world = createWorld();
    world.target.onApply = async () => ({ kind: "applied" });
    const { end, journal } = await restore(world);
    assert.equal(end, "stuck");
    const sent = world.target.requests.length;
    assert.equal(journal["model"]?.attempts, sent);
    assert.equal(new Set(world.target.requests.map(({ key }) => key)).size, 1);
    assert.equal(
      journal["model"]?.note,
      `the target said yes, but does not serve it yet; gave up after ${sent} attempts`,
    );
    assert.equal(journal["model"]?.found, NEW);
  });

  it("is done when the target converges late", async () => {
    const world = createWorld();
    world.target.onApply = async () => {
      if (world.target.requests.length === 2) world.target.live.set("model", OLD);
      return { kind: "applied" };
    };
    assert.equal((await restore(world)).end, "completed");
  });

  it("is stuck at once when the target refuses, with the reason", async () => {
    const world = createWorld();
    world.target.onApply = async () => ({ kind: "refused", reason: "revision old is not retained" });
    const { end, journal } = await restore(world);
    assert.equal(end, "stuck");
    assert.equal(world.target.requests.length, 1);
    assert.equal(journal["model"]?.note, "revision old is not retained");
    assert.equal(journal["model"]?.found, NEW);
  });

  it("touches nothing that somebody else changed after its intent", async () => {
    const world = createWorld();
    world.target.onApply = async () => {
      world.target.live.set("model", OTHER);
      return { kind: "conflict", reason: "another version serves" };
    };
    const { end, journal } = await restore(world);
    assert.equal(end, "stuck");
    assert.equal(world.target.requests.length, 1);
    assert.equal(journal["model"]?.note, "somebody else changed it after our intent");
    assert.equal(journal["model"]?.found, OTHER);
    assert.equal(world.target.live.get("model"), OTHER);
  });

  it("stops without a word when somebody newer acts, at the store or as this process knows", async () => {
    for (const known of [true, false]) {
      const world = createWorld();
      world.target.onApply = async () => {
        await world.clock.sleep(60_000);
        await world.store.acquireLease("system:loans", "another", 60_000, world.clock.now());
        return { kind: "stale", reason: "fence 2 has written" };
      };
      const lease = await world.lease();
      const ports = world.ports(known ? { mayAct: () => false } : {});
      const run = runSaga(ports, aSaga([aStep("model")]), lease, { ...QUICK, callMs: 120_000 });
      assert.equal((await world.clock.run(run)).kind, "fenced");
      assert.equal((await journalOf(world.store))["model"]?.status, "intent");
      assert.deepEqual(world.log, ["read model", "intent model", ...(known ? [] : ["apply model", "read model"])]);
    }
  });

  it("carries the fence of its target's lease, and goes on under a greater one when another had that meanwhile", async () => {
    const world = createWorld();
    let ours = 7;
    world.target.onApply = async ({ fence }) =>
      fence < 9 ? { kind: "stale", reason: "fence 8 has written" } : undefined;
    const fenceAt = async (_: string, refused?: number) => {
      if (refused === 7) ours = 9;
      return ours;
    };
    const end = await world.clock.run(
      runSaga(world.ports({ fenceAt }), aSaga([aStep("model")]), await world.lease(), QUICK),
    );
    assert.equal(end.kind, "completed");
    assert.deepEqual(
      world.target.requests.map(({ fence }) => fence),
      [7, 9],
    );
    const { fence, targetFence, attempts } = (await journalOf(world.store))["model"]!;
    assert.deepEqual([fence, targetFence, attempts], [1, 9, 2]);
    const leaves = (await world.store.entries(0, 10)).map(({ leaf }) => JSON.parse(leaf));
    const intended = leaves.filter(({ type }) => type === "step-intent").map(({ data }) => data.targetFence);
    assert.deepEqual(intended, [7, 9], "each intent names the fence that its effect carries");
  });

  it("sends nothing when the lease of its target is not to be had any more", async () => {
    const world = createWorld();
    const run = runSaga(world.ports({ fenceAt: async () => undefined }), aSaga([aStep("model")]), await world.lease());
    assert.equal((await world.clock.run(run)).kind, "fenced");
    assert.deepEqual(world.log, []);
  });

  it("waits for a target that another playbook has, until it is halted or its plan's time is over; then it reads once more", async () => {
    for (const halt of [true, false]) {
      const world = createWorld();
      world.target.onApply = async () => lost;
      const sent = () => world.target.requests.length > 0;
      const fenceAt = async () => (sent() ? "held" : 7);
      const halted = () => (halt && world.clock.now() > START + 5000 ? "halted by ada: wait" : undefined);
      const ports = world.ports({ fenceAt, halted });
      const run = runSaga(ports, aSaga([aStep("model")]), await world.lease(), QUICK);
      assert.equal((await world.clock.run(run)).kind, "stuck");
      assert.deepEqual(world.log, ["read model", "intent model", "apply model", "read model", "stuck model"]);
      const took = world.clock.now() - START;
      const [least, why] = halt ? [5000, "halted by ada: wait"] : [60_000, "gave up when its plan's time was over"];
      assert.ok(took >= least && took < least + 1000, String(took));
      assert.equal((await journalOf(world.store))["model"]?.note, `another playbook changes it; ${why}`);
    }
  });

  it("is for people when the target has seen a newer fence, and the store says that ours is the newest", async () => {
    const world = createWorld();
    world.target.onApply = async () => ({ kind: "stale", reason: "fence 500 has written" });
    const { end, journal, lease } = await restore(world);
    assert.equal(end, "stuck");
    assert.equal(world.target.requests.length, 1, "not tried again blindly");
    assert.match(
      journal["model"]?.note ?? "",
      /newer controller \(fence 500 has written; our fence is \d+\): is another/,
    );
    assert.equal(journal["model"]?.fence, lease.fence);
  });

  it("gives up on a target that cannot be read once its plan's time is over, and never sends", async () => {
    const world = createWorld();
    world.target.onRead = async () => unreachable;
    const { end, journal } = await restore(world);
    assert.equal(end, "stuck");
    assert.equal(world.target.requests.length, 0);
    assert.equal(journal["model"]?.attempts, 0, "nothing was sent");
    assert.equal(journal["model"]?.found, undefined);
    assert.match(journal["model"]?.note ?? "", /cannot be read: connection refused; gave up after \d+ attempts/);
    const took = world.clock.now() - START;
    assert.ok(took >= 60_000 && took < 60_000 + 3000, String(took));
  });

  it("is given up in time though the saga began by a clock that was ahead, and though ours is set back", async () => {
    for (const back of [0, 3_600_000]) {
      const world = createWorld();
      world.target.onRead = async () => unreachable;
      const began = world.clock.now();
      const clock = { ...world.clock, now: () => world.clock.now() - (world.clock.now() - began > 10_000 ? back : 0) };
      const saga = { ...aSaga([aStep("model")]), startedAt: START + 3_600_000 };
      const lease = await world.lease();
      const end = await world.clock.run(runSaga(world.ports({ clock }), saga, lease, QUICK));
      assert.equal(end.kind, "stuck");
      assert.ok(world.clock.now() - began < 65_000, String(world.clock.now() - began));
    }
  });

  it("of a deployment gives up soon, since nothing is at stake", async () => {
    const world = createWorld();
    world.target.onRead = async () => unreachable;
    const saga = aSaga([aStep("model")]);
    const lease = await world.lease();
    await world.clock.run(runSaga(world.ports(), { ...saga, plan: { ...saga.plan, kind: "release" } }, lease, QUICK));
    assert.equal(world.clock.now(), START + 100 + 200 + 400);
  });

  it("outlasts a target that is away for most of the plan's time", async () => {
    const world = createWorld();
    world.target.onRead = async () => (world.clock.now() < START + 55_000 ? unreachable : undefined);
    const { end, journal } = await restore(world);
    assert.equal(end, "completed");
    assert.equal(journal["model"]?.attempts, 1);
    assert.ok(world.clock.now() < START + 55_000 + 3000);
  });

  it("that is refused after it had its effect is done, and one that had none says what serves", async () => {
    for (const applies of [true, false]) {
      const world = createWorld();
      world.target.onApply = async ({ at, desired }) => {
        if (applies) world.target.live.set(at, desired);
        return { kind: "refused", reason: "422" };
      };
      const { end, journal } = await restore(world);
      assert.equal(end, applies ? "completed" : "stuck");
      assert.equal(journal["model"]?.found, applies ? OLD : NEW);
    }
  });

  it("that is refused by a target that then cannot be read is stuck, and found is not claimed", async () => {
    const world = createWorld();
    world.target.onApply = async () => ({ kind: "refused", reason: "422" });
    world.target.onRead = async () => (world.target.requests.length > 0 ? unreachable : undefined);
    const { end, journal } = await restore(world);
    assert.equal(end, "stuck");
    assert.equal(journal["model"]?.found, undefined);
  });

  it("is not discouraged by a target that comes back", async () => {
    const world = createWorld();
    let calls = 0;
    world.target.onRead = async () => (++calls < 3 ? unreachable : undefined);
    assert.equal((await restore(world)).end, "completed");
  });

  it("takes an adapter that throws for one that did not answer", async () => {
    const world = createWorld();
    let reads = 0;
    world.target.onRead = async () => {
      if (++reads === 1) throw new Error("socket hang up");
      return undefined;
    };
    world.target.onApplied = async () => {
      throw new Error("unexpected token");
    };
    assert.equal((await restore(world)).end, "completed");
    assert.equal(world.target.effects.length, 1);
  });

  it("is stuck, not fatal, when no adapter serves its address", async () => {
    const world = createWorld();
    const lease = await world.lease();
    const ports = world.ports({
      adapterFor: (at) => {
        if (at === "model") throw new Error("no adapter serves model");
        return world.target;
      },
    });
    const end = await world.clock.run(runSaga(ports, aSaga([aStep("model"), aStep("data")]), lease, QUICK));
    assert.deepEqual(end.kind === "stuck" && end.steps, ["model"]);
    const journal = await journalOf(world.store);
    assert.equal(journal["model"]?.note, "no adapter serves model");
    assert.equal(journal["data"]?.status, "done");
  });

  it("waits for a slow target until its deadline on the injected clock, and tells it so", async () => {
    const world = createWorld();
    const aborted: boolean[] = [];
    world.target.onRead = async (_, signal) => {
      if (world.log.length > 1) return undefined;
      await world.clock.sleep(60_000, signal);
      aborted.push(signal.aborted);
      return undefined;
    };
    const { end } = await restore(world);
    assert.equal(end, "completed");
    assert.deepEqual(aborted, [true]);
    assert.equal(world.clock.now(), START + 1000 + 100);
  });

  it("takes a send that is late for lost, and reads what became of it", async () => {
    const world = createWorld();
    world.target.onApplied = async (_, signal) => {
      await world.clock.sleep(60_000, signal);
      return undefined;
    };
    const { end, journal } = await restore(world);
    assert.equal(end, "completed");
    assert.equal(journal["model"]?.attempts, 1);
    assert.equal(world.target.effects.length, 1);
    assert.equal(world.clock.asleep(), 0);
  });

  it("makes longer pauses, up to a twentieth of the plan's time and at least sixteen times the first", async () => {
    const world = createWorld();
    world.target.onRead = async () => unreachable;
    const lease = await world.lease();
    const patience = { attempts: 7, callMs: 1000, pauseMs: 10 };
    for (const [deadline, pauses] of [
      [1000, [10, 20, 40, 80, 160, 160, 160, 160, 160, 160]],
      [10_000, [10, 20, 40, 80, 160, 320, 500, 500, 500, 500]],
    ] as const) {
      const reads: number[] = [];
      world.target.onRead = async () => {
        reads.push(world.clock.now());
        return unreachable;
      };
      const saga = aSaga([aStep("model")]);
      const started = { ...saga, id: `saga-${deadline}`, startedAt: world.clock.now() };
      await world.clock.run(runSaga(world.ports(), { ...started, plan: { ...saga.plan, deadline } }, lease, patience));
      const waited = reads.slice(1).map((at, place) => at - reads[place]!);
      assert.deepEqual(waited.slice(0, pauses.length), pauses.slice(0, waited.length));
    }
  });
});

describe("a step whose target only points at what serves", () => {
  const running = async (pendingFor: number) => {
    const world = createWorld();
    let asked = 0;
    world.target.seen = async () =>
      asked++ < pendingFor ? { kind: "pending", reason: "model 2 is loaded" } : { kind: "seen" };
    const lease = await world.lease();
    await world.clock.run(runSaga(world.ports(), aSaga([aStep("model")]), lease, QUICK), { within: 600_000 });
    const record = (await journalOf(world.store))["model"]!;
    return { record, took: world.clock.now() - START, effects: world.target.effects.length };
  };

  it("is done only once what serves has it, and is not sent again meanwhile", async () => {
    const { record, took, effects } = await running(30);
    assert.equal(record.status, "done");
    assert.equal(effects, 1);
    assert.equal(took, 3000);
  });

  it("is stuck when what serves does not have it by the plan's deadline, and says what it has", async () => {
    const { record, took } = await running(Number.POSITIVE_INFINITY);
    assert.equal(record.status, "stuck");
    assert.match(record.note ?? "", /in place, but what serves does not have it: model 2 is loaded/);
    assert.equal(took, 60_000);
  });
});
