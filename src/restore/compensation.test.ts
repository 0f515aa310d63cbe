import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Step } from "../core/plan.ts";
import type { Applied } from "../core/ports.ts";
import type { Saga, StepRecord } from "../core/rollout.ts";
import { compensationOf } from "./compensation.ts";
import type { CrashPoint } from "./crash-point.ts";
import { MOST_STARTS, runSaga, turnSaga } from "./saga-runner.ts";
import { aPlannedStep, aSaga, createWorld, Killed, mortal, NEW, OLD, OTHER, type Target } from "./world.fixture.ts";

const QUICK = { attempts: 3, callMs: 1000, pauseMs: 100 };
const lost: Applied = { kind: "unknown", reason: "the answer was lost" };
const STEPS = [
  aPlannedStep("schema"),
  aPlannedStep("data", ["schema"]),
  aPlannedStep("model", ["data"]),
  aPlannedStep("flag"),
];

/** A release from NEW to OLD: the names are those of the fixture, the way is out. */
function aRelease(steps: readonly Step[] = STEPS): Saga {
  const saga = aSaga(steps);
  return { ...saga, plan: { ...saga.plan, kind: "release" } };
}

function refusing(target: Target, ...names: readonly string[]): void {
  target.onApply = async ({ at, desired }) =>
    desired === OLD && names.includes(at) ? { kind: "refused", reason: "no room" } : undefined;
}

async function released(world: ReturnType<typeof createWorld>, saga = aRelease()) {
  const lease = await world.lease();
  return world.clock.run(runSaga(world.ports(), await world.started(saga, lease), lease, QUICK, world.newest()));
}

async function records(world: ReturnType<typeof createWorld>, wanted: StepRecord["direction"]) {
  const all = await world.store.steps("saga-1");
  return all.filter(({ direction }) => direction === wanted).map(({ step, status }) => `${step} ${status}`);
}

describe("a release that cannot be completed", () => {
  it("is put back by steps of its own, what came last first", async () => {
    const world = createWorld();
    refusing(world.target, "model");
    const end = await released(world);
    assert.ok(end.kind === "compensated" && end.saga.status === "compensated");
    assert.equal(end.saga.note, "stuck: model; taken back");
    for (const { at } of STEPS) assert.equal(world.target.live.get(at) ?? NEW, NEW);
    const back = world.target.effects.filter(({ desired }) => desired === NEW).map(({ at }) => at);
    assert.ok(back.indexOf("data") < back.indexOf("schema") && back.includes("flag"));
    assert.ok(!back.includes("model") || world.target.live.get("model") === NEW);
    const keys = world.target.effects.map(({ key }) => key);
    assert.equal(new Set(keys).size, keys.length);
    assert.deepEqual((await records(world, "compensate")).toSorted(), [
      "data done",
      "flag done",
      "model done",
      "schema done",
    ]);
    const types = (await world.store.entries(0, 100)).map(({ leaf }) => (JSON.parse(leaf) as { type: string }).type);
    assert.ok(types.includes("saga-turned") && types.at(-1) === "saga-ended");
  });

  it("leaves alone what somebody else changed since, and is stuck", async () => {
    const world = createWorld();
    refusing(world.target, "model");
    world.target.onApplied = async ({ at, desired }) => {
      if (at === "data" && desired === OLD) void world.clock.sleep(1).then(() => world.target.live.set("data", OTHER));
      if (at === "flag") await world.clock.sleep(10);
      return undefined;
    };
    const end = await released(world);
    assert.ok(end.kind === "stuck");
    assert.match(end.saga.note ?? "", /^stuck: model; could not be taken back: schema, data$/);
    assert.equal(world.target.live.get("data"), OTHER);
    assert.equal(world.target.live.get("flag"), NEW);
  });

  it("is not put back over what cannot be taken back", async () => {
    for (const undo of ["pivot", "retriable", "irreversible"] as const) {
      const world = createWorld();
      refusing(world.target, "model");
      const end = await released(
        world,
        aRelease(STEPS.map((step) => (step.id === "schema" ? { ...step, undo } : step))),
      );
      assert.ok(end.kind === "stuck");
      assert.match(end.saga.note ?? "", new RegExp(`not taken back: schema \\(${undo}\\) may have happened`));
      assert.equal(world.target.live.get("schema"), OLD);
    }
  });

  it("puts nothing back that it never touched", async () => {
    const world = createWorld();
    world.target.live.set("schema", OLD);
    world.target.onRead = async (at) => (at === "flag" ? { kind: "unreachable", reason: "no route" } : undefined);
    refusing(world.target, "model");
    const end = await released(world);
    assert.equal(end.kind, "compensated");
    assert.equal(world.target.live.get("schema"), OLD);
    assert.deepEqual((await records(world, "compensate")).toSorted(), ["data done", "model done"]);
  });
});

describe("a way back that was cut off", () => {
  const points: readonly CrashPoint[] = [
    "saga.intent-recorded",
    "saga.effect-sent",
    "saga.effect-read-back",
    "saga.step-recorded",
    "saga.turned",
  ];
  for (const point of points)
    for (const nth of [1, 2, 3, 4, 5, 6, 7])
      for (const reply of ["heard", "lost"] as const)
        it(`at pass ${nth} of ${point}, replies ${reply}, ends where the release began, with one effect per key`, async () => {
          const world = createWorld();
          refusing(world.target, "model");
          if (reply === "lost") world.target.onApplied = async () => lost;
          const lease = await world.lease("one");
          const saga = await world.started(aRelease(), lease);
          const run = runSaga(mortal(world.ports(), point, nth), saga, lease, QUICK, world.newest());
          await world.clock.run(run.catch((error: unknown) => assert.ok(error instanceof Killed)));
          const found = (await world.store.runningSagas())[0];
          if (found) {
            const end = await world.clock.run(runSaga(world.ports(), found, await world.lease("two"), QUICK));
            assert.equal(end.kind, "compensated");
          }
          for (const { at } of STEPS) assert.equal(world.target.live.get(at) ?? NEW, NEW, at);
          const keys = world.target.effects.map(({ key }) => key);
          assert.equal(new Set(keys).size, keys.length);
        });

  it("never goes forward again, however often it is cut off", async () => {
    // Each cut may cost every step an attempt.
    const patient = { ...QUICK, attempts: 9 };
    const cuts = fc.array(fc.tuple(fc.constantFrom(...points), fc.integer({ min: 1, max: 5 })), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(cuts, async (kills) => {
        const world = createWorld();
        refusing(world.target, "model");
        await world.started(aRelease(), await world.lease("zero"));
        for (const [index, [point, nth]] of [...kills, ["saga.turned", 99] as const].entries()) {
          const found = (await world.store.runningSagas())[0];
          if (!found) break;
          const run = runSaga(mortal(world.ports(), point, nth), found, await world.lease(`${index}`), patient);
          await world.clock.run(run.catch((error: unknown) => assert.ok(error instanceof Killed)));
        }
        assert.deepEqual(await world.store.runningSagas(), []);
        for (const { at } of STEPS) assert.equal(world.target.live.get(at) ?? NEW, NEW, at);
        const turned = world.target.effects.findIndex(({ desired }) => desired === NEW);
        assert.ok(world.target.effects.slice(turned).every(({ desired }) => desired === NEW));
      }),
      { numRuns: 60 },
    );
  });
});

describe("a rollback", () => {
  it("is never put back by itself: that would deploy the bad release again", async () => {
    const world = createWorld();
    refusing(world.target, "model");
    const lease = await world.lease();
    const end = await world.clock.run(
      runSaga(world.ports(), await world.started(aSaga(STEPS), lease), lease, QUICK, world.newest()),
    );
    assert.equal(end.kind, "stuck");
    for (const at of ["schema", "data", "flag"]) assert.equal(world.target.live.get(at), OLD);
    assert.deepEqual(await records(world, "compensate"), []);
  });

  it("is put back when a person says so, and the order is on record", async () => {
    const world = createWorld();
    refusing(world.target, "model");
    const lease = await world.lease();
    const stuck = await world.clock.run(
      runSaga(world.ports(), await world.started(aSaga(STEPS), lease), lease, QUICK, world.newest()),
    );
    assert.ok(stuck.kind === "stuck");
    await world.store.commit(turnSaga(stuck.saga, world.clock.now(), "ada", "the old data is corrupt"));
    const [found] = await world.store.runningSagas();
    const end = await world.clock.run(runSaga(world.ports(), found!, await world.lease("two"), QUICK));
    assert.ok(end.kind === "compensated" && end.saga.note === "the old data is corrupt; taken back");
    for (const { at } of STEPS) assert.equal(world.target.live.get(at) ?? NEW, NEW);
    const leaves = (await world.store.entries(0, 100)).map(({ leaf }) => leaf).join("\n");
    assert.match(leaves, /"actor":"ada".*saga-turned/s);
  });

  /** What people put back of a rollback that was cut off before it looked at its targets, and finished by another process. */
  async function putBack(live: readonly string[], served: boolean) {
    const world = createWorld();
    const steps = ["model", "flag"].map((id) => aPlannedStep(id));
    for (const at of live) world.target.live.set(at, OLD);
    await world.started(aSaga(steps), await world.lease("one"));
    const ports = world.ports({ served: () => served });
    const run = async (holder: string) => {
      const [found] = await world.store.runningSagas();
      return world.clock.run(runSaga(ports, found!, await world.lease(holder), QUICK));
    };
    const restored = await run("two");
    assert.ok(restored.kind === "completed");
    for (const { step, note } of await world.store.steps("saga-1"))
      assert.equal(note, live.includes(step) ? "was in place when it was read again after a crash" : undefined);
    await world.store.commit(turnSaga(restored.saga, world.clock.now(), "ada", "a mistake"));
    const end = await run("three");
    const serves = Object.fromEntries(steps.map(({ at }) => [at, world.target.live.get(at) ?? NEW]));
    return { serves, note: end.kind === "compensated" ? end.saga.note : end.kind };
  }

  it("that is put back brings nothing into place that only the plan expected, and nobody saw", async () => {
    const { serves, note } = await putBack(["model"], false);
    assert.deepEqual(serves, { model: OLD, flag: NEW });
    assert.equal(note, "a mistake; taken back; left as it is: model, for nobody saw what the plan expected there");
  });

  it("that is put back brings back what is known to have served, also where a crash lost who changed it", async () => {
    assert.deepEqual(await putBack(["model"], true), {
      serves: { model: NEW, flag: NEW },
      note: "a mistake; taken back",
    });
  });

  it("never brings back what did not serve, however it was cut off, and always what it saw itself", async () => {
    const cut = fc.tuple(
      fc.constantFrom<CrashPoint>(
        "saga.intent-recorded",
        "saga.effect-sent",
        "saga.effect-read-back",
        "saga.step-recorded",
      ),
      fc.integer({ min: 1, max: 4 }),
    );
    const before = fc.array(fc.constantFrom(NEW, OLD), { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { maxLength: 3 }), before, fc.boolean(), async (cuts, serve, dead) => {
        const world = createWorld();
        for (const [index, { at }] of STEPS.entries()) world.target.live.set(at, serve[index]!);
        if (dead)
          world.target.onRead = async (at) => (at === "flag" ? { kind: "unreachable", reason: "no route" } : undefined);
        const ports = world.ports({ served: () => false });
        const patient = { ...QUICK, attempts: 9 };
        await world.started(aSaga(STEPS), await world.lease("zero"));
        const last = ["saga.turned", 99] as const;
        for (const [index, [point, nth]] of [...cuts, last].entries()) {
          const [found] = await world.store.runningSagas();
          if (!found) break;
          const run = runSaga(mortal(ports, point, nth), found, await world.lease(`${index}`), patient);
          await world.clock.run(run.catch((error: unknown) => assert.ok(error instanceof Killed)));
        }
        const [saga] = await world.store.sagas("rollout-1");
        await world.store.commit(turnSaga(saga!, world.clock.now(), "ada", "a mistake"));
        world.target.onRead = async () => undefined;
        await world.clock.run(
          runSaga(ports, { ...saga!, status: "running", direction: "compensate" }, await world.lease("last"), patient),
        );
        for (const [index, { at }] of STEPS.entries()) {
          const back = world.target.effects.filter((effect) => effect.at === at && effect.desired === NEW);
          if (serve[index] === OLD) assert.deepEqual(back, [], `${at} never served it`);
          else if (cuts.length === 0 && !(dead && at === "flag")) assert.equal(world.target.live.get(at), NEW, at);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("past its point of no return is not even then", async () => {
    const world = createWorld();
    const steps = [{ ...aPlannedStep("model"), undo: "pivot" as const }];
    const lease = await world.lease();
    const done = await world.clock.run(
      runSaga(world.ports(), await world.started(aSaga(steps), lease), lease, QUICK, world.newest()),
    );
    assert.ok(done.kind === "completed");
    await world.store.commit(turnSaga(done.saga, world.clock.now(), "ada", "a mistake"));
    const [found] = await world.store.runningSagas();
    const end = await world.clock.run(runSaga(world.ports(), found!, await world.lease("two"), QUICK));
    assert.ok(end.kind === "stuck");
    assert.equal(end.saga.note, "a mistake; not taken back: model (pivot) may have happened, and cannot be taken back");
  });
});

describe("a saga that is halted", () => {
  it("finishes what is under way, begins nothing else, and says why", async () => {
    const world = createWorld();
    let halted: string | undefined;
    world.target.onApply = async ({ at }) => {
      if (at === "schema") halted = "ada: not that one";
      await world.clock.sleep(10);
      return undefined;
    };
    const lease = await world.lease();
    const ports = world.ports({ halted: () => halted });
    const end = await world.clock.run(
      runSaga(ports, await world.started(aSaga(STEPS), lease), lease, QUICK, world.newest()),
    );
    assert.ok(end.kind === "stuck");
    assert.equal(end.saga.note, "stuck: data, model; ada: not that one");
    assert.deepEqual(world.target.effects.map(({ at }) => at).toSorted(), ["flag", "schema"]);
  });

  it("before it began touches nothing", async () => {
    const world = createWorld();
    const lease = await world.lease();
    const ports = world.ports({ halted: () => "ada: wait" });
    const end = await world.clock.run(
      runSaga(ports, await world.started(aSaga(STEPS), lease), lease, QUICK, world.newest()),
    );
    assert.ok(end.kind === "stuck" && end.steps.length === STEPS.length);
    assert.ok(!world.log.some((line) => line.startsWith("read")));
  });
});

describe("a saga that ends its controller every time", () => {
  for (const kind of ["rollback", "release"] as const)
    it(`is stuck after ${MOST_STARTS} starts, counted before anything is done (${kind})`, async () => {
      const world = createWorld();
      const given = kind === "release" ? aRelease() : aSaga(STEPS);
      await world.started(given, await world.lease("boot 1"));
      for (let boot = 2; ; boot++) {
        const [found] = await world.store.runningSagas();
        if (!found) break;
        assert.ok(boot <= MOST_STARTS + 1, `boot ${boot}`);
        assert.equal(found.starts, boot - 1);
        const ports = world.ports({
          adapterFor: () => {
            throw new Killed("out of memory");
          },
          store: { ...world.store, steps: async () => Promise.reject(new Killed("out of memory")) },
        });
        const run = runSaga(ports, found, await world.lease(`boot ${boot}`), QUICK);
        const end = await world.clock.run(run.catch((error: unknown) => assert.ok(error instanceof Killed)));
        if (!end) continue;
        assert.ok(end.kind === "stuck");
        assert.match(end.saga.note ?? "", /started 10 times and never ended/);
      }
      assert.deepEqual(world.target.requests, []);
    });

  it("is not even ended by a controller that lost its place", async () => {
    const world = createWorld();
    const saga = { ...aSaga(STEPS), starts: MOST_STARTS };
    const old = await world.lease("one");
    await world.lease("two");
    assert.equal((await runSaga(world.ports(), saga, old, QUICK)).kind, "fenced");
    const pivot = aSaga([{ ...aPlannedStep("model"), undo: "pivot" }]);
    const turned = { ...pivot, direction: "compensate" } as const;
    const forward = { saga: pivot.id, step: "model", status: "done", key: "k", fence: 1, attempts: 1 } as const;
    await world.store.commit([
      { kind: "step", record: { ...forward, before: NEW, desired: OLD, intentAt: 0, recovered: false } },
    ]);
    assert.equal((await runSaga(world.ports(), turned, old, QUICK, world.newest())).kind, "fenced");
  });
});

it("putting back follows ties that lead through steps which were not touched", () => {
  const { plan } = aRelease();
  const record = (step: string, attempts = 1): StepRecord => ({
    saga: "saga-1",
    step,
    status: "done",
    key: step,
    fence: 1,
    attempts,
    before: NEW,
    desired: OLD,
    intentAt: 0,
    recovered: false,
  });
  const forward = new Map([record("schema"), record("data", 0), record("model")].map((one) => [one.step, one]));
  const back = compensationOf(plan, forward);
  assert.ok(back.kind === "possible");
  assert.deepEqual(
    back.steps.map(({ id, after, before, desired }) => ({ id, after, before, desired })),
    [
      { id: "schema", after: ["model"], before: OLD, desired: NEW },
      { id: "model", after: [], before: OLD, desired: NEW },
    ],
  );
});
