import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Applied, Store } from "../core/ports.ts";
import { runSaga, startSaga } from "./saga-runner.ts";
import { aPlannedStep, aSaga, createWorld, journalOf, Killed, mortal, NEW, OLD, OTHER } from "./world.fixture.ts";

const QUICK = { attempts: 3, callMs: 5000, pauseMs: 100 };
const EIGHT = ["a", "b", "c", "d", "e", "f", "g", "h"];
const chain = EIGHT.map((id, index) => aPlannedStep(id, EIGHT.slice(Math.max(0, index - 1), index)));
const abreast = EIGHT.map((id) => aPlannedStep(id));

/** Counts the commits of a store, and makes each take so long on the world's clock. */
function counted(
  world: ReturnType<typeof createWorld>,
  ms = 0,
): { readonly store: Store; readonly commits: () => number } {
  let commits = 0;
  const { store } = world.ports();
  return {
    commits: () => commits,
    store: {
      ...store,
      async commit(changes, guard, claim) {
        commits += 1;
        if (ms > 0) await world.clock.sleep(ms);
        return store.commit(changes, guard, claim);
      },
    },
  };
}

/** Runs a saga as control does: recorded first, then run. Answers how many commits it took beside the one that decided. */
async function commitsOf(steps: ReturnType<typeof aPlannedStep>[], commitMs = 0) {
  const world = createWorld();
  const lease = await world.lease();
  const saga = await world.started(aSaga(steps), lease);
  const { store, commits } = counted(world, commitMs);
  const end = await world.clock.run(runSaga(world.ports({ store }), saga, lease, QUICK, world.newest()));
  assert.equal(end.kind, "completed");
  assert.equal(world.target.effects.length, steps.length);
  return { world, commits: commits() };
}

describe("the commits of a saga", () => {
  it("are one for each step of a chain: its end, the next intent, and at last the end of the saga", async () => {
    assert.equal((await commitsOf(chain)).commits, EIGHT.length);
  });

  it("are few for steps that end together", async () => {
    const { commits } = await commitsOf(abreast, 1);
    assert.ok(commits <= 2, `${commits} commits`);
  });

  it("let the first effect follow the decision at once: its intent was durable with it", async () => {
    const world = createWorld();
    const lease = await world.lease();
    const saga = await world.started(aSaga(chain), lease);
    await world.clock.run(runSaga(world.ports(), saga, lease, QUICK, world.newest()));
    assert.deepEqual(world.log.slice(0, 5), ["intent a", "read a", "apply a", "read a", "done a"]);
    assert.deepEqual(world.log.slice(5, 7), ["intent b", "read b"]);
  });

  it("wait for no target: a dead one delays no other", async () => {
    const world = createWorld();
    world.target.onRead = async (at, signal) => {
      if (at === "dead") await world.clock.sleep(60_000, signal);
      return undefined;
    };
    const ended = new Map<string, number>();
    const lease = await world.lease();
    const begun = world.clock.now();
    const saga = await world.started(aSaga([aPlannedStep("dead"), ...abreast, ...chainAfter("h")]), lease);
    const ports = world.ports({ onStep: ({ step }) => void ended.set(step, world.clock.now() - begun) });
    const end = await world.clock.run(runSaga(ports, saga, lease, QUICK, world.newest()));
    assert.deepEqual(end.kind === "stuck" && end.steps, ["dead"]);
    for (const id of [...EIGHT, "i", "j"]) assert.equal(ended.get(id), 0, id);
    assert.ok((ended.get("dead") ?? 0) >= 4 * 5000);
  });

  it("say what was observed where the plan expected something else", async () => {
    const world = createWorld();
    world.target.live.set("a", OTHER);
    const lease = await world.lease();
    const saga = await world.started(aSaga([aPlannedStep("a")]), lease);
    const end = await world.clock.run(runSaga(world.ports(), saga, lease, QUICK, world.newest()));
    assert.equal(end.kind, "completed");
    assert.deepEqual(world.log, ["intent a", "read a", "intent a", "apply a", "read a", "done a"]);
    const { before, attempts } = (await journalOf(world.store))["a"]!;
    assert.deepEqual({ before, attempts }, { before: OTHER, attempts: 1 });
  });

  it("claim no effect where the desired revision served already", async () => {
    const world = createWorld();
    world.target.live.set("a", OLD);
    const lease = await world.lease();
    const saga = await world.started(aSaga([aPlannedStep("a")]), lease);
    await world.clock.run(runSaga(world.ports(), saga, lease, QUICK, world.newest()));
    const { before, attempts, note, recovered } = (await journalOf(world.store))["a"]!;
    assert.deepEqual([before, attempts, recovered], [OLD, 0, false]);
    assert.equal(note, "was in place already; nothing was sent");
  });

  it("count no attempt that was not made", async () => {
    const world = createWorld();
    let reads = 0;
    world.target.onRead = async () => (++reads < 3 ? { kind: "unreachable", reason: "no route" } : undefined);
    const lease = await world.lease();
    const saga = await world.started(aSaga([aPlannedStep("a")]), lease);
    const end = await world.clock.run(runSaga(world.ports(), saga, lease, QUICK, world.newest()));
    assert.equal(end.kind, "completed");
    assert.equal((await journalOf(world.store))["a"]?.attempts, 1);
  });

  it("end for all when one fails, and the error comes through", async () => {
    const world = createWorld();
    const { store } = world.ports();
    const failing: Store = { ...store, commit: async () => Promise.reject(new Error("the disk is full")) };
    const lease = await world.lease();
    const saga = await world.started(aSaga(abreast), lease);
    const run = runSaga(world.ports({ store: failing }), saga, lease, QUICK, world.newest());
    await assert.rejects(world.clock.run(run), { message: "the disk is full" });
    assert.equal(world.target.requests.length, EIGHT.length);
  });
});

function chainAfter(id: string) {
  return [aPlannedStep("i", [id]), aPlannedStep("j", ["i"])];
}

describe("an intent that was written ahead", () => {
  const lost: Applied = { kind: "unknown", reason: "the answer was lost" };
  const points = ["saga.intent-recorded", "saga.effect-sent", "saga.effect-read-back", "saga.step-recorded"] as const;
  for (const point of points)
    for (const nth of [1, 2, 5])
      for (const steps of [chain, abreast])
        it(`at pass ${nth} of ${point} in ${steps === chain ? "a chain" : "a row"} is read by whoever recovers`, async () => {
          const world = createWorld();
          if (nth === 2) world.target.onApplied = async () => lost;
          const lease = await world.lease("one");
          const saga = await world.started(aSaga(steps), lease);
          const ports = mortal(world.ports(), point, nth);
          await world.clock.run(
            runSaga(ports, saga, lease, QUICK, world.newest()).catch((error: unknown) =>
              assert.ok(error instanceof Killed),
            ),
          );
          const end = await world.clock.run(runSaga(world.ports(), saga, await world.lease("two"), QUICK));
          assert.equal(end.kind, "completed");
          assert.equal(world.target.effects.length, EIGHT.length);
          for (const id of EIGHT) assert.equal(world.target.live.get(id), OLD);
        });

  it("is never guessed at: what somebody else changed meanwhile is left alone after a crash", async () => {
    const world = createWorld();
    const lease = await world.lease("one");
    const saga = await world.started(aSaga([aPlannedStep("a")]), lease);
    world.target.live.set("a", OTHER);
    const end = await world.clock.run(runSaga(world.ports(), saga, await world.lease("two"), QUICK));
    assert.equal(end.kind, "stuck");
    assert.deepEqual([world.target.requests.length, world.target.live.get("a")], [0, OTHER]);
  });

  it("is not written for what the plan does not expect to change", () => {
    const { clock } = createWorld();
    const lease = { resource: "r", holder: "h", fence: 1, until: 0 };
    const same = { ...aPlannedStep("same"), before: OLD };
    const changes = startSaga({ clock }, aSaga([same, aPlannedStep("a"), aPlannedStep("b", ["a"])]), lease);
    assert.deepEqual(
      changes.flatMap((change) => (change.kind === "step" ? [change.record.step, change.record.before] : [])),
      ["a", NEW],
    );
  });
});
