import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { Plan, Step } from "../core/plan.ts";
import type { RivalRequest, Store } from "../core/ports.ts";
import type { Lease, Saga } from "../core/rollout.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { createSimulatedTarget, type SimulatedTarget } from "../simulation/simulated-target.ts";
import type { CrashPoint } from "./crash-point.ts";
import { runSaga } from "./saga-runner.ts";
import type { SagaPorts } from "./step-run.ts";
import { thawRivals } from "./thaw.ts";
import { aPlannedStep, aSaga, createWorld, Killed, mortal, NEW, OLD } from "./world.fixture.ts";

const QUICK = { attempts: 3, callMs: 1000, pauseMs: 100 };

/** A model and a flag that were released by rivals, which bring the bad release back within a second unless frozen. */
function rivalled(kind: Plan["kind"] = "rollback") {
  const world = createWorld();
  const [at, flag] = ["sim:model", "sim:flag"];
  const target = createSimulatedTarget({
    clock: world.clock,
    random: createSeededRandom("rivals"),
    revisions: { [at]: [NEW, OLD], [flag]: [NEW, OLD] },
    rivals: { [at]: NEW },
  });
  target.tellRival(at, "working fast");
  const rival = {
    component: "model",
    at: `${at}#rival`,
    through: at,
    label: "the rival",
    undo: "compensatable",
  } as const;
  const frozen = { ...rival, desired: digestOf("frozen"), after: [] } as const;
  const freeze: Step = { ...frozen, id: `freeze ${rival.at}`, kind: "freeze", state: "frozen" };
  const thaw: Step = { ...frozen, id: `thaw ${rival.at}`, kind: "thaw" };
  const steps: Step[] = [
    freeze,
    { ...aPlannedStep("model", [freeze.id]), at },
    { ...aPlannedStep("flag", [freeze.id]), at: flag },
    thaw,
  ];
  const saga: Saga = { ...aSaga([]), plan: { ...aSaga(steps).plan, kind } };
  const ports = (over: Partial<SagaPorts> = {}) => world.ports({ adapterFor: () => target, ...over });
  return { ...world, ports, target, at, saga };
}

type World = ReturnType<typeof rivalled>;

const frozenBy = async () => ({ system: "cards", before: digestOf("working fast"), state: "working fast" });

/** The saga from its record on. */
async function restore(world: World, lease: Lease, ports = world.ports()) {
  return runSaga(ports, await world.started(world.saga, lease), lease, QUICK, world.newest());
}

async function run(world: World, ports = world.ports()) {
  const lease = await world.lease();
  const end = await world.clock.run(restore(world, lease, ports));
  const thawed = await world.clock.run(thawRivals(ports, world.saga, lease, QUICK));
  return { end, thawed };
}

async function statusOf({ store }: World, wanted: string) {
  return (await store.steps("saga-1")).find(({ step }) => step === wanted);
}

describe("a rival", () => {
  it("is frozen once, before what it would undo, and brought back into exactly the state that was found", async () => {
    const world = rivalled();
    const states: (string | undefined)[] = [];
    const onStep = ({ step, status }: { step: string; status: string }) =>
      void states.push(`${step} ${status} ${world.target.rivalState(world.at)}`);
    const { end, thawed } = await run(world, world.ports({ onStep }));
    assert.equal(end.kind, "completed");
    assert.deepEqual(thawed, { kind: "thawed", thawed: ["the rival"], left: [], kept: [] });
    assert.equal(world.target.rivalState(world.at), "working fast");
    assert.deepEqual(states.slice(0, 2), [
      `freeze ${world.at}#rival intent working fast`,
      `freeze ${world.at}#rival done frozen`,
    ]);
    assert.ok(states.slice(2, -1).every((state) => state?.endsWith(" frozen")));
    assert.equal((await statusOf(world, `freeze ${world.at}#rival`))?.state, "working fast");
    const again = await thawRivals(world.ports(), world.saga, await world.lease("two"), QUICK);
    assert.deepEqual(again, { kind: "thawed", thawed: [], left: [], kept: [] });
  });

  it("that was frozen by others stays so", async () => {
    const world = rivalled();
    world.target.tellRival(world.at, "frozen");
    const { end, thawed } = await run(world);
    assert.equal(end.kind, "completed");
    assert.deepEqual(thawed, { kind: "thawed", thawed: [], left: [], kept: [] });
    assert.equal(world.target.rivalState(world.at), "frozen");
  });

  it("that cannot be frozen holds nothing up for good, and nobody is told that it was", async () => {
    const world = rivalled();
    const deaf: SimulatedTarget = { ...world.target, readRival: async () => ({ kind: "unreachable", reason: "403" }) };
    const { end, thawed } = await run(world, world.ports({ adapterFor: () => deaf }));
    assert.ok(end.kind === "completed");
    assert.equal(end.saga.note, "not frozen: the rival");
    assert.deepEqual(thawed, { kind: "thawed", thawed: [], left: [], kept: [] });
    const { writeRival: _, ...simple } = world.target;
    const unable = rivalled();
    const ended = await run(
      unable,
      unable.ports({ adapterFor: () => ({ ...simple, read: unable.target.read, apply: unable.target.apply }) }),
    );
    assert.equal(ended.end.kind, "completed");
    assert.match((await statusOf(unable, `freeze ${unable.at}#rival`))?.note ?? "", /can freeze nobody at sim:model/);
  });

  it("is let go also when the restore is stuck", async () => {
    const world = rivalled();
    world.target.lose(world.at, OLD);
    const { end, thawed } = await run(world);
    assert.equal(end.kind, "stuck");
    assert.deepEqual(thawed, { kind: "thawed", thawed: ["the rival"], left: [], kept: [] });
    assert.equal(world.target.rivalState(world.at), "working fast");
  });

  it("is let go after a release that was put back, which leaves the rival to its thaw", async () => {
    const world = rivalled("release");
    world.target.lose("sim:flag", OLD);
    const { end, thawed } = await run(world);
    assert.equal(end.kind, "compensated");
    assert.equal(world.target.live(world.at), NEW);
    assert.deepEqual(thawed, { kind: "thawed", thawed: ["the rival"], left: [], kept: [] });
  });

  it("that people told something else meanwhile stays as they want it, and is named", async () => {
    const world = rivalled();
    const lease = await world.lease();
    await world.clock.run(restore(world, lease));
    world.target.tellRival(world.at, "working slowly");
    const thawed = await world.clock.run(thawRivals(world.ports(), world.saga, lease, QUICK));
    assert.deepEqual(thawed, { kind: "thawed", thawed: [], left: ["the rival"], kept: [] });
    assert.equal(world.target.rivalState(world.at), "working slowly");
  });

  it("is not frozen after its thaw by a freeze that was under way", async () => {
    const world = rivalled();
    const lease = await world.lease();
    const late: RivalRequest[] = [];
    const slow: SimulatedTarget = {
      ...world.target,
      writeRival: async (request, signal) => {
        late.push(request);
        await world.clock.sleep(600_000, signal);
        return { kind: "unknown", reason: "no answer" };
      },
    };
    const ports = world.ports({ adapterFor: () => slow });
    await world.clock.run(restore(world, lease, ports));
    const next = await world.lease("two");
    await world.clock.run(thawRivals(world.ports(), world.saga, next, QUICK));
    for (const request of late) await world.target.writeRival!(request, new AbortController().signal);
    assert.equal(late.length, 3);
    assert.equal(world.target.rivalState(world.at), "working fast");
  });

  for (const [what, silent] of [
    ["never read", QUICK.attempts + 1],
    ["read when it was enough", QUICK.attempts],
  ] as const)
    it(`that was ${what}, and is frozen after a crash all the same, works again at the end`, async () => {
      const world = rivalled();
      let asked = 0;
      const target: SimulatedTarget = {
        ...world.target,
        readRival: async (...given) =>
          asked++ < silent ? { kind: "unreachable", reason: "no answer" } : world.target.readRival!(...given),
      };
      const lease = await world.lease();
      const ports = world.ports({ adapterFor: () => target });
      const dying = mortal(ports, "saga.effect-sent", 1);
      await assert.rejects(world.clock.run(restore(world, lease, dying)), Killed);
      assert.deepEqual((await statusOf(world, `freeze ${world.at}#rival`))?.status, "stuck");
      const next = await world.lease("two");
      const saga = (await world.store.sagas(world.saga.rollout)).find(({ id }) => id === world.saga.id)!;
      await world.clock.run(runSaga(ports, saga, next, QUICK));
      assert.equal(world.target.rivalState(world.at), "frozen");
      const thawed = await world.clock.run(thawRivals(ports, world.saga, next, QUICK));
      assert.deepEqual(thawed, { kind: "thawed", thawed: ["the rival"], left: [], kept: [] });
      assert.equal(world.target.rivalState(world.at), "working fast");
    });

  it("that was given up while another system had it frozen still knows what that one found, which leaves it to us", async () => {
    const world = rivalled();
    world.target.tellRival(world.at, "frozen");
    const lease = await world.lease();
    let cut = false;
    const store: Store = {
      ...world.store,
      async commit(changes, ...more) {
        if (cut) throw new Error("the store is away");
        const answer = await world.store.commit(changes, ...more);
        cut ||= changes.some((change) => change.kind === "step" && change.record.status === "stuck");
        return answer;
      },
    };
    const fenceAt: SagaPorts["fenceAt"] = async (at) => (at.endsWith("#rival") ? "held" : 1);
    const held = restore(world, lease, world.ports({ store, frozenBy, fenceAt }));
    await assert.rejects(world.clock.run(held), /the store is away/);
    const { status, attempts } = (await statusOf(world, `freeze ${world.at}#rival`))!;
    assert.deepEqual([status, attempts], ["stuck", 0]);
    await world.clock.run(runSaga(world.ports(), world.saga, lease, QUICK));
    const thawed = await world.clock.run(thawRivals(world.ports(), world.saga, lease, QUICK));
    assert.deepEqual(thawed, { kind: "thawed", thawed: ["the rival"], left: [], kept: [] });
    assert.equal(world.target.rivalState(world.at), "working fast");
  });

  it("that another system's rollback has frozen is frozen once more, and brought back into what that one found", async () => {
    const world = rivalled();
    world.target.tellRival(world.at, "frozen");
    const lease = await world.lease();
    const restored = restore(world, lease, world.ports({ frozenBy }));
    assert.equal((await world.clock.run(restored)).kind, "completed");
    const freeze = (await world.store.steps("saga-1")).find(({ step }) => step.startsWith("freeze"))!;
    assert.deepEqual([freeze.status, freeze.attempts, freeze.state], ["done", 1, "working fast"]);
    // A thaw of theirs that was under way.
    const through = world.at;
    const late = {
      at: `${through}#rival`,
      through,
      state: "working fast",
      before: { version: "frozen" },
      key: "theirs",
    };
    const answer = await world.target.writeRival!({ ...late, fence: 0 }, new AbortController().signal);
    assert.equal(answer.kind, "stale");
    await world.clock.run(thawRivals(world.ports(), world.saga, lease, QUICK));
    assert.equal(world.target.rivalState(world.at), "working fast");
  });

  it("that another has frozen is known to be theirs, also where an own freeze that was lost may still come", async () => {
    const world = rivalled();
    world.target.tellRival(world.at, "frozen");
    const underWay = new Set([`${world.at}#rival`]);
    await run(world, world.ports({ frozenBy, underWay }));
    const freeze = await statusOf(world, `freeze ${world.at}#rival`);
    assert.deepEqual([freeze?.status, freeze?.attempts, freeze?.state], ["done", 1, "working fast"]);
  });

  it("that another system's rollback still needs stays frozen, and that one thaws it", async () => {
    const world = rivalled();
    const lease = await world.lease();
    await world.clock.run(restore(world, lease));
    for (const kept of [[{ label: "the rival", system: "cards" }], []]) {
      const thawed = await world.clock.run(thawRivals(world.ports({ frozenBy }), world.saga, lease, QUICK));
      assert.deepEqual(thawed, { kind: "thawed", thawed: [], left: [], kept });
    }
    assert.equal(world.target.rivalState(world.at), "frozen");
  });

  it("that another freezes while the lease of it was lost stays frozen, and that one thaws it", async () => {
    const world = rivalled();
    const lease = await world.lease();
    await world.clock.run(restore(world, lease));
    const sent: string[] = [];
    let [ours, others] = [5, false];
    const target: SimulatedTarget = {
      ...world.target,
      writeRival: async (request, signal) => {
        sent.push(`${request.fence} ${request.state}`);
        if (request.fence > 5) return world.target.writeRival!(request, signal);
        // They took its lease, and froze it once more.
        others = true;
        await world.fencedAt(request.at, 6);
        return { kind: "stale", reason: "fence 6 has written" };
      },
    };
    let asked = 0;
    const ports = world.ports({
      adapterFor: () => target,
      fenceAt: async (at, refused) => {
        if (refused === 5) ours = 7;
        return ours === 7 && ++asked < 400 ? "held" : world.fencedAt(at, ours);
      },
      frozenBy: async () => (others ? frozenBy() : undefined),
    });
    const thawed = await world.clock.run(thawRivals(ports, world.saga, lease, QUICK));
    const kept = [{ label: "the rival", system: "cards" }];
    assert.deepEqual(thawed, { kind: "thawed", thawed: [], left: [], kept });
    assert.deepEqual(sent, ["5 working fast", "7 frozen"], "what we sent before can come no more");
    assert.equal(world.target.rivalState(world.at), "frozen");
  });

  it("that was found frozen just before another let it go, under a newer lease, is frozen after all", async () => {
    const world = rivalled();
    world.target.tellRival(world.at, "frozen");
    const lease = await world.lease();
    let ours = lease.fence;
    let looks = 0;
    const target: SimulatedTarget = {
      ...world.target,
      readRival: async (rival, signal) => {
        const found = await world.target.readRival!(rival, signal);
        if (++looks > 1) return found;
        await world.fencedAt(rival.at, ours + 1);
        world.target.tellRival(world.at, "working fast");
        return found;
      },
    };
    const ports = world.ports({
      adapterFor: () => target,
      fenceAt: async (at, refused) => {
        if (refused === lease.fence) ours = lease.fence + 2;
        return world.fencedAt(at, ours);
      },
    });
    const started = await world.started(world.saga, lease);
    const end = await world.clock.run(runSaga(ports, started, lease, QUICK, world.newest()));
    assert.equal(end.kind, "completed");
    assert.equal(world.target.rivalState(world.at), "frozen");
    const freeze = await statusOf(world, `freeze ${world.at}#rival`);
    assert.deepEqual([freeze?.status, freeze?.state, freeze?.targetFence], ["done", "working fast", ours]);
  });

  it("is thawed after all when the other is over before it was known to stay frozen: each of both has a key of its own", async () => {
    const world = rivalled();
    const lease = await world.lease();
    await world.clock.run(restore(world, lease));
    const keys: string[] = [];
    let lost = true;
    const target: SimulatedTarget = {
      ...world.target,
      writeRival: async (request, signal) => {
        keys.push(request.key);
        return lost ? { kind: "unknown", reason: "no answer" } : world.target.writeRival!(request, signal);
      },
    };
    const dying = (point: CrashPoint, over: Partial<SagaPorts> = {}) =>
      mortal(world.ports({ adapterFor: () => target, ...over }), point, 1);
    const end = (ports: SagaPorts) =>
      world.clock.run(thawRivals(ports, world.saga, lease, QUICK).catch((error: unknown) => error));
    assert.ok((await end(dying("saga.effect-sent"))) instanceof Killed);
    lost = false;
    assert.ok((await end(dying("saga.effect-sent", { frozenBy }))) instanceof Killed);
    assert.equal(world.target.rivalState(world.at), "frozen");
    assert.deepEqual(await end(world.ports({ adapterFor: () => target })), {
      kind: "thawed",
      thawed: ["the rival"],
      left: [],
      kept: [],
    });
    assert.equal(world.target.rivalState(world.at), "working fast");
    assert.equal(new Set(keys).size, 3);
    assert.equal((await statusOf(world, `thaw ${world.at}#rival`))?.attempts, 3);
  });

  it("that stays frozen is told so once more also after a crash, while its thaw may still come", async () => {
    const world = rivalled();
    const lease = await world.lease();
    await world.clock.run(restore(world, lease));
    const late: RivalRequest[] = [];
    const target: SimulatedTarget = {
      ...world.target,
      writeRival: async (request) => {
        late.push(request);
        return { kind: "unknown", reason: "no answer" };
      },
    };
    const dying = (point: CrashPoint, over: Partial<SagaPorts> = {}) =>
      world.clock.run(
        thawRivals(mortal(world.ports({ adapterFor: () => target, ...over }), point, 1), world.saga, lease, QUICK),
      );
    await assert.rejects(dying("saga.effect-sent"), Killed);
    await assert.rejects(dying("saga.intent-recorded", { frozenBy }), Killed);
    const ports = world.ports({ frozenBy, fenceAt: (at) => world.fencedAt(at, lease.fence + 1) });
    const thawed = await world.clock.run(thawRivals(ports, world.saga, lease, QUICK));
    assert.deepEqual(thawed, { kind: "thawed", thawed: [], left: [], kept: [{ label: "the rival", system: "cards" }] });
    for (const request of late) await world.target.writeRival!(request, new AbortController().signal);
    assert.equal(late.length, 1);
    assert.equal(world.target.rivalState(world.at), "frozen");
  });

  it("that its adapter can freeze no more is left to people, also when another needs it", async () => {
    const world = rivalled();
    const lease = await world.lease();
    await world.clock.run(restore(world, lease));
    const { writeRival: _, readRival: __, ...simple } = world.target;
    const ports = world.ports({ frozenBy, adapterFor: () => simple });
    const thawed = await world.clock.run(thawRivals(ports, world.saga, lease, QUICK));
    assert.deepEqual(thawed, { kind: "thawed", thawed: [], left: ["the rival"], kept: [] });
  });

  it("that works again already is nobody's to keep frozen", async () => {
    const world = rivalled();
    const lease = await world.lease();
    await world.clock.run(restore(world, lease));
    const dying = mortal(world.ports(), "saga.effect-sent", 1);
    await assert.rejects(world.clock.run(thawRivals(dying, world.saga, lease, QUICK)), Killed);
    const thawed = await world.clock.run(thawRivals(world.ports({ frozenBy }), world.saga, lease, QUICK));
    assert.deepEqual(thawed, { kind: "thawed", thawed: ["the rival"], left: [], kept: [] });
    assert.equal(world.target.rivalState(world.at), "working fast");
  });

  it("that does not answer is waited for no longer than its deadline, and named", async () => {
    const world = rivalled();
    const lease = await world.lease();
    await world.clock.run(restore(world, lease));
    const dead: SimulatedTarget = {
      ...world.target,
      readRival: async (_, signal) => {
        await world.clock.sleep(600_000, signal);
        return { kind: "unreachable", reason: "no answer" };
      },
    };
    const begun = world.clock.now();
    const ports = world.ports({ adapterFor: () => dead });
    const thawed = await world.clock.run(thawRivals(ports, world.saga, lease));
    assert.deepEqual(thawed, { kind: "thawed", thawed: [], left: ["the rival"], kept: [] });
    assert.ok(world.clock.now() - begun < 30_000);
  });

  it("is told nothing by a controller that lost its place", async () => {
    const world = rivalled();
    const lease = await world.lease();
    await world.clock.run(restore(world, lease));
    await world.lease("two");
    assert.equal((await thawRivals(world.ports(), world.saga, lease, QUICK)).kind, "fenced");
    assert.equal(world.target.rivalState(world.at), "frozen");
  });

  const points: readonly CrashPoint[] = [
    "saga.intent-recorded",
    "saga.effect-sent",
    "saga.effect-read-back",
    "saga.step-recorded",
  ];
  for (const point of points)
    for (const nth of [1, 2, 3, 4])
      it(`is as it was after a crash at pass ${nth} of ${point}`, async () => {
        const world = rivalled();
        const lease = await world.lease("one");
        const dying = mortal(world.ports(), point, nth);
        const begun = (async () => {
          await restore(world, lease, dying);
          await thawRivals(dying, world.saga, lease, QUICK);
        })();
        await world.clock.run(begun.catch((error: unknown) => assert.ok(error instanceof Killed)));
        const [found] = await world.store.runningSagas();
        const next = await world.lease("two");
        if (found) assert.equal((await world.clock.run(runSaga(world.ports(), found, next, QUICK))).kind, "completed");
        assert.equal((await world.clock.run(thawRivals(world.ports(), world.saga, next, QUICK))).kind, "thawed");
        assert.equal(world.target.rivalState(world.at), "working fast");
        assert.equal(world.target.live(world.at), OLD);
        assert.equal(world.target.effects.filter(({ at }) => at === world.at).length, 1);
      });
});
