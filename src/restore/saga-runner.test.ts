import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Applied } from "../core/ports.ts";
import type { StepRecord } from "../core/rollout.ts";
import type { CrashPoint } from "./crash-point.ts";
import { runSaga } from "./saga-runner.ts";
import { aSaga, aStep, createWorld, journalOf, Killed, mortal, OLD, OTHER } from "./world.fixture.ts";

const QUICK = { attempts: 3, callMs: 1000, pauseMs: 100 };
const lost: Applied = { kind: "unknown", reason: "the answer was lost" };
const points: readonly CrashPoint[] = [
  "saga.intent-recorded",
  "saga.effect-sent",
  "saga.effect-read-back",
  "saga.step-recorded",
];
/** Readers before what they read, and one step on its own. */
const STEPS = [aStep("schema", ["model", "data"]), aStep("data", ["model"]), aStep("model"), aStep("flag")];

describe("a saga", () => {
  it("is completed when every step is read back", async () => {
    const world = createWorld();
    const seen: StepRecord[] = [];
    const ports = world.ports({ onStep: (record) => void seen.push(record) });
    const end = await world.clock.run(runSaga(ports, aSaga(STEPS), await world.lease()));
    assert.equal(end.kind, "completed");
    assert.ok(end.kind === "completed" && end.saga.status === "completed" && end.saga.endedAt === world.clock.now());
    assert.deepEqual(await world.store.runningSagas(), []);
    for (const { at } of STEPS) assert.equal(world.target.live.get(at), OLD);
    assert.equal(seen.length, 2 * STEPS.length);
  });

  it("starts a step only when all that come before it are done", async () => {
    const world = createWorld();
    await world.clock.run(runSaga(world.ports(), aSaga(STEPS), await world.lease(), QUICK));
    const at = (what: string) => world.log.indexOf(what);
    for (const { id, after } of STEPS)
      for (const earlier of after) assert.ok(at(`done ${earlier}`) < at(`read ${id}`), `${earlier} before ${id}`);
  });

  it("runs steps without a tie side by side", async () => {
    const world = createWorld();
    let inside = 0;
    let most = 0;
    world.target.onApply = async () => {
      most = Math.max(most, ++inside);
      await world.clock.sleep(500);
      inside -= 1;
      return undefined;
    };
    const four = ["a", "b", "c", "d"].map((id) => aStep(id));
    const from = world.clock.now();
    await world.clock.run(runSaga(world.ports(), aSaga(four), await world.lease(), QUICK));
    assert.equal(most, 4);
    assert.equal(world.clock.now() - from, 500);
  });

  it("finishes all that is independent of a stuck step, and leaves untried what depends on it", async () => {
    const world = createWorld();
    world.target.onRead = async (at) => (at === "data" ? { kind: "unreachable", reason: "no route" } : undefined);
    const end = await world.clock.run(runSaga(world.ports(), aSaga(STEPS), await world.lease(), QUICK));
    assert.deepEqual(end.kind === "stuck" && end.steps, ["schema", "data"]);
    assert.equal(end.kind === "stuck" && end.saga.note, "stuck: schema, data");
    const journal = await journalOf(world.store);
    assert.deepEqual([journal["model"]?.status, journal["flag"]?.status], ["done", "done"]);
    assert.equal(journal["data"]?.status, "stuck");
    assert.equal(journal["schema"], undefined);
    assert.ok(!world.log.includes("read schema"));
  });

  it("keeps a slow step from delaying any but those after it", async () => {
    const world = createWorld();
    world.target.onApply = async ({ at }) => {
      if (at === "model") await world.clock.sleep(900);
      return undefined;
    };
    const ended = new Map<string, number>();
    const onStep = (record: StepRecord) => void ended.set(record.step, world.clock.now());
    const from = world.clock.now();
    await world.clock.run(runSaga(world.ports({ onStep }), aSaga(STEPS), await world.lease(), QUICK));
    assert.equal(ended.get("flag"), from);
    assert.equal(ended.get("schema"), from + 900);
  });

  it("stops when a newer lease holder acts, and writes nothing more", async () => {
    const world = createWorld();
    const mine = await world.lease("one");
    world.target.onApply = async () => {
      await world.clock.sleep(10_000);
      return undefined;
    };
    const running = runSaga(world.ports(), aSaga(STEPS), mine, { ...QUICK, callMs: 60_000 });
    const theirs = (async () => {
      await world.clock.sleep(5000);
      await world.store.acquireLease("system:loans", "two", 3000, world.clock.now());
      return (await world.store.entryCount()) as number;
    })();
    const [end, entriesThen] = await world.clock.run(Promise.all([running, theirs]));
    assert.equal(end.kind, "fenced");
    assert.equal(await world.store.entryCount(), entriesThen);
    assert.ok(Object.values(await journalOf(world.store)).every(({ status }) => status === "intent"));
    assert.ok(!world.log.includes("read data"));
  });

  it("cannot begin, end or get stuck under an old fence", async () => {
    for (const prepare of [
      (world: ReturnType<typeof createWorld>) => world.target.live.set("model", OLD),
      (world: ReturnType<typeof createWorld>) => {
        world.target.onRead = async () => ({ kind: "unreachable", reason: "no route" });
      },
      () => undefined,
    ]) {
      const world = createWorld();
      prepare(world);
      const old = await world.lease("one");
      await world.lease("two");
      const end = await world.clock.run(runSaga(world.ports(), aSaga([aStep("model")]), old, QUICK));
      assert.equal(end.kind, "fenced");
      assert.deepEqual([world.target.requests.length, await world.store.entryCount()], [0, 0]);
    }
    const empty = createWorld();
    const old = await empty.lease("one");
    await empty.lease("two");
    assert.equal((await runSaga(empty.ports(), aSaga([]), old)).kind, "fenced");
  });
});

describe("a saga that was cut off", () => {
  for (const point of points)
    for (const nth of [1, 2, 3, 4])
      for (const reply of ["heard", "lost"] as const)
        it(`at pass ${nth} of ${point}, replies ${reply}, ends in the same state with one effect per step`, async () => {
          const world = createWorld();
          if (reply === "lost") world.target.onApplied = async () => lost;
          const ports = mortal(world.ports(), point, nth);
          const lease = await world.lease("one");
          const first = runSaga(ports, aSaga(STEPS), lease, QUICK).then(
            ({ kind }) => kind,
            (error: unknown) => (error instanceof Killed ? "killed" : "failed"),
          );
          const firstEnd = await world.clock.run(first);
          assert.equal(firstEnd, ports.dead() ? "killed" : "completed");
          const next = await world.lease("two");
          const end = await world.clock.run(runSaga(world.ports(), aSaga(STEPS), next, QUICK));
          assert.equal(end.kind, "completed");
          const journal = await journalOf(world.store);
          for (const { id, at } of STEPS) {
            assert.equal(world.target.live.get(at), OLD);
            assert.equal(world.target.effects.filter((effect) => effect.at === at).length, 1, `effects on ${id}`);
            assert.equal(journal[id]?.status, "done");
          }
        });

  it("says which steps were finished by another process than the one that began them", async () => {
    const world = createWorld();
    const ports = mortal(world.ports(), "saga.effect-sent", 1);
    await assert.rejects(runSaga(ports, aSaga([aStep("model")]), await world.lease("one"), QUICK), Killed);
    await world.clock.run(runSaga(world.ports(), aSaga([aStep("model")]), await world.lease("two"), QUICK));
    const record = (await journalOf(world.store))["model"]!;
    assert.deepEqual([record.recovered, record.attempts, record.fence], [true, 1, 1]);
    assert.equal(world.target.requests.length, 1);
  });

  it("sends again under the new fence and the old key when its effect never happened", async () => {
    const world = createWorld();
    const ports = mortal(world.ports(), "saga.intent-recorded", 1);
    await assert.rejects(runSaga(ports, aSaga([aStep("model")]), await world.lease("one"), QUICK), Killed);
    const intent = (await journalOf(world.store))["model"]!;
    await world.clock.run(runSaga(world.ports(), aSaga([aStep("model")]), await world.lease("two"), QUICK));
    assert.deepEqual(
      world.target.requests.map(({ key, fence }) => ({ key, fence })),
      [{ key: intent.key, fence: 2 }],
    );
    const { attempts, intentAt } = (await journalOf(world.store))["model"]!;
    assert.deepEqual({ attempts, intentAt }, { attempts: 2, intentAt: intent.intentAt });
  });

  it("in its last attempt is read before it is given up", async () => {
    const world = createWorld();
    world.target.onApply = async () => (world.target.requests.length < 3 ? lost : undefined);
    const ports = mortal(world.ports(), "saga.effect-sent", 3);
    const first = runSaga(ports, aSaga([aStep("model")]), await world.lease("one"), QUICK);
    await assert.rejects(world.clock.run(first), Killed);
    const end = await world.clock.run(runSaga(world.ports(), aSaga([aStep("model")]), await world.lease("two"), QUICK));
    assert.equal(end.kind, "completed");
    assert.equal(world.target.effects.length, 1);
  });

  it("is stuck when somebody else wrote in between", async () => {
    const world = createWorld();
    const ports = mortal(world.ports(), "saga.intent-recorded", 1);
    await assert.rejects(runSaga(ports, aSaga([aStep("model")]), await world.lease("one"), QUICK), Killed);
    world.target.live.set("model", OTHER);
    const end = await world.clock.run(runSaga(world.ports(), aSaga([aStep("model")]), await world.lease("two"), QUICK));
    assert.equal(end.kind, "stuck");
    assert.deepEqual([world.target.requests.length, world.target.live.get("model")], [0, OTHER]);
  });

  it("any number of times still has one effect per step, whatever the target does", async () => {
    const cuts = fc.array(fc.tuple(fc.constantFrom(...points), fc.integer({ min: 1, max: 5 })), { maxLength: 4 });
    const moods = fc.array(fc.constantFrom("good", "lost-request", "lost-reply"), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(cuts, moods, async (kills, left) => {
        const world = createWorld();
        const mood = [...left];
        world.target.onApply = async () => (mood[0] === "lost-request" && mood.shift() ? lost : undefined);
        world.target.onApplied = async () => (mood.shift() === "lost-reply" ? lost : undefined);
        const patience = { ...QUICK, attempts: 40 };
        for (const [index, [point, nth]] of kills.entries()) {
          const lease = await world.lease(`process ${index}`);
          const run = runSaga(mortal(world.ports(), point, nth), aSaga(STEPS), lease, patience);
          await world.clock.run(run.catch((error: unknown) => assert.ok(error instanceof Killed)));
        }
        const end = await world.clock.run(runSaga(world.ports(), aSaga(STEPS), await world.lease("last"), patience));
        assert.equal(end.kind, "completed");
        assert.equal(world.target.effects.length, STEPS.length);
        assert.equal(new Set(world.target.requests.map(({ key }) => key)).size, STEPS.length);
      }),
      { numRuns: 60 },
    );
  });
});
