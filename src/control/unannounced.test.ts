import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { ControlPorts } from "./ports.ts";
import {
  candidate,
  createControlWorld,
  index,
  intruder,
  playbook,
  START,
  stable,
  third,
  type WorldOptions,
} from "./world.fixture.ts";

const MODEL_1 = digestOf("model 1");
const MODEL_2 = digestOf("model 2");

/** Somebody changes the model without Rollbook, after a while of calm. */
async function moved(
  options: WorldOptions,
  story: (world: ReturnType<typeof createControlWorld>) => Promise<void> = async () => undefined,
) {
  const world = createControlWorld(options);
  const rollout = await world.live(async () => {
    await world.control.adopt(stable);
    await world.clock.sleep(30_000);
    world.target.rivalWrite("sim:model", MODEL_2);
    const at = world.clock.now();
    await world.until(() => world.kinds().includes("noticed"));
    const took = world.clock.now() - at;
    assert.ok(took <= 1000 + 500, `noticed after ${took} ms`);
    await story(world);
    const [newest] = await world.store.rollouts("loans");
    const ended = await world.control.ended(newest!.id);
    return ended;
  });
  return { ...world, rollout };
}

/** Who lost is told so much later than that they were there. */
function lateLosses({ clock, signals }: ControlPorts, delay: Milliseconds): ControlPorts["signals"] {
  let sequence = 0;
  let waiting: readonly { readonly due: Instant; readonly sample: Sample }[] = [];
  return {
    drain() {
      const now = clock.now();
      const all = signals.drain();
      const losses = all.filter(({ signal }) => signal === "losses");
      waiting = [...waiting, ...losses.map((sample) => ({ due: now + delay, sample: { ...sample, n: 0 } }))];
      const due = waiting.filter((one) => one.due <= now).map(({ sample }) => sample);
      waiting = waiting.filter((one) => one.due > now);
      const told = all.map((sample) => (sample.signal === "losses" ? { ...sample, k: 0 } : sample));
      sequence += 1;
      return [...told, ...due].map((sample) => ({ ...sample, node: "late", sequence }));
    },
  };
}

describe("a release that nobody announced", () => {
  it("is noticed within one poll, judged against the window before it, and goes back when that proves harm", async () => {
    const { rollout, target, store, entries, notices, traffic, control, clock } = await moved({ losses: 0.2 });
    assert.equal(rollout.unannounced, true);
    assert.deepEqual(rollout.rollback?.cause, ["harm", "rising"]);
    assert.equal(rollout.rollback?.outcome, "verified");
    assert.equal(rollout.rollback?.containedAt, undefined);
    assert.equal((await control.report(rollout.id)).containment, "nothing-else-served");
    assert.equal(target.live("sim:model"), MODEL_1);
    assert.equal((await store.lastKnownGood("loans"))?.release, stable.id);
    assert.equal(traffic.current("loans")?.stable, stable.id);
    const { sentences } = await clock.run(control.explain(rollout.id));
    assert.match(sentences.join("\n"), /; frozen window right before: [\d,]+ bad of [\d,]+/);
    const noticed = (await entries()).find(({ type }) => type === "noticed");
    assert.deepEqual(noticed.data.changed, { model: { digest: MODEL_2, label: noticed.data.changed.model.label } });
    assert.match(notices[0] ?? "", /model changed without Rollbook/);
  });

  it("is said to be new where the playbook lists a component that it did not: nobody changed that", async () => {
    const world = createControlWorld({ losses: 0.05 });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(10_000);
      world.kill();
      world.boot("second", undefined, { components: [...playbook.components, index] });
      await world.until(() => world.kinds().includes("noticed"));
      const { text } = world.events.find(({ kind }) => kind === "noticed")!;
      assert.match(text, /^index is new in the playbook: /);
      const notice = world.notices.find((one) => one.includes("is new in the playbook")) ?? "";
      assert.match(notice, /Nothing that was known has changed/);
      assert.doesNotMatch(world.notices.join(), /changed without Rollbook/);
    });
  });

  it("is counted under its own name at every edge: the route that says so is a new one, and recorded", async () => {
    await moved({ losses: 0.05 }, async (world) => {
      await world.until(() => world.kinds().includes("judged"));
      const route = world.traffic.current("loans")!;
      assert.equal(route.stable, intruder.id);
      assert.ok(route.epoch > 0);
      assert.deepEqual(await world.store.route("loans"), route);
    });
  });

  it("that does no harm is the last known good in the end, and is said to have come unannounced", async () => {
    const { rollout, target, store, control } = await moved({ losses: 0.05 });
    assert.equal(rollout.phase, "healthy");
    assert.equal(target.live("sim:model"), MODEL_2);
    assert.equal((await store.lastKnownGood("loans"))?.release, rollout.candidate);
    assert.equal((await control.report(rollout.id)).unannounced, true);
  });

  it("where too little was seen right before it is judged against the same hour of an earlier week, and says so", async () => {
    const hour = START - 7 * 24 * 3_600_000;
    const world = createControlWorld({ losses: 0.4, requestsPerSecond: 20 });
    await world.live(async () => {
      const hours = [{ hour, signal: "losses", n: 5000, k: 250 }];
      await world.store.commit([{ kind: "season", system: "loans", hours, oldest: 0 }]);
      await world.control.adopt(stable);
      await world.clock.sleep(30_000);
      world.target.rivalWrite("sim:model", MODEL_2);
      await world.until(() => world.kinds().includes("noticed"));
      const [newest] = await world.store.rollouts("loans");
      const ended = await world.control.ended(newest!.id);
      assert.deepEqual(ended.frozen[0], { signal: "losses", n: 5000, k: 250, season: hour });
      assert.equal(ended.frozen[1]!.season, undefined);
      assert.deepEqual(ended.rollback?.cause, ["harm", "rising"]);
      const explanation = await world.control.explain(ended.id);
      assert.equal(explanation.recomputed, "same");
      assert.match(
        explanation.sentences.join("\n"),
        /; frozen window of Friday 00:00 UTC, a week before: 250 bad of 5,000/,
      );
      const report = await world.control.report(ended.id);
      assert.deepEqual(report.windows?.[0], { signal: "losses", n: 5000, of: "Friday 00:00 UTC, a week before" });
    });
  });

  for (const losses of [0.05, 0.2])
    it(`that loses ${losses} is judged against what was known for certain, where losses are known later`, async () => {
      const signals = playbook.signals.map((one) =>
        one.name === "losses" ? { ...one, per: "session", labels: 20_000 } : one,
      );
      const { rollout } = await moved({
        losses,
        playbook: { signals },
        ports: (ports) => ({ signals: lateLosses(ports, 18_000) }),
      });
      assert.equal(rollout.rollback !== undefined, losses > 0.05, rollout.note);
      assert.ok(Math.abs(rollout.frozen[0]!.k / rollout.frozen[0]!.n - 0.05) < 0.01, JSON.stringify(rollout.frozen[0]));
    });

  it("that stays undecided is left in place, told once, and not noticed again", async () => {
    const { rollout, target, kinds, notices } = await moved({ losses: 0.05, blind: true }, ({ clock }) =>
      clock.sleep(60_000),
    );
    assert.match(rollout.note ?? "", /left in place/);
    assert.equal(target.live("sim:model"), MODEL_2);
    assert.equal(kinds().filter((kind) => kind === "noticed").length, 1);
    assert.equal(notices.length, 1);
  });

  it("that was left in place is taken back when a person says so, and releases are possible again", async () => {
    const world = createControlWorld({ losses: 0.05, blind: true });
    await world.live(async () => {
      await world.control.adopt(stable);
      await assert.rejects(world.control.takeBack("on-call", "why?"), { code: "RELEASE_REFUSED" });
      await world.clock.sleep(5000);
      world.target.rivalWrite("sim:model", MODEL_2);
      await world.until(() => world.events.some(({ kind, text }) => kind === "ended" && /left in place/.test(text)));
      await assert.rejects(world.control.plan(third), { code: "RELEASE_REFUSED", message: /does not serve/ });
      const { id } = await world.control.takeBack("on-call", "it is not ours");
      const rollout = await world.control.ended(id);
      assert.equal(rollout.rollback?.cause[0], "person");
      assert.ok(rollout.rollback?.restoredAt !== undefined);
      assert.equal(world.target.live("sim:model"), MODEL_1);
      await world.control.plan(third);
    });
  });

  it("under `authority: observe` is judged, and nothing is touched", async () => {
    const { rollout, target } = await moved({ losses: 0.2, playbook: { authority: "observe" } }, async (world) => {
      await world.until(() => world.kinds().includes("observed-harm"));
      world.target.rivalWrite("sim:model", MODEL_1);
    });
    assert.deepEqual(rollout.wouldHave?.because, ["rising"]);
    assert.match(rollout.note ?? "", /brought release 1 back without Rollbook/);
    assert.deepEqual(
      target.effects.filter(({ by }) => by === "request"),
      [],
    );
  });

  for (const order of ["pullCord", "abort"] as const)
    it(`under \`authority: observe\` ends when a person says so by ${order}, and nothing is touched`, async () => {
      const { rollout, target, traffic } = await moved({ playbook: { authority: "observe" } }, async (world) => {
        const [newest] = await world.store.rollouts("loans");
        await world.control[order](newest!.id, "on-call", "we went back by hand");
      });
      assert.equal(rollout.rollback, undefined);
      assert.match(rollout.note ?? "", /on-call: we went back by hand/);
      assert.equal(target.live("sim:model"), MODEL_2);
      assert.equal(traffic.current("loans")?.candidatePpm, 0);
      assert.deepEqual(
        target.effects.filter(({ by }) => by === "request"),
        [],
      );
    });

  it("goes back at once when it is what lies in quarantine", async () => {
    const world = createControlWorld({ losses: 0.2 });
    await world.live(async () => {
      const { id } = await world.release();
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
      await world.clock.sleep(5000);
      for (const name of ["model", "schema"]) world.target.rivalWrite(`sim:${name}`, digestOf(`${name} 2`));
      await world.until(() => world.kinds().includes("noticed"));
      const [again] = await world.store.rollouts("loans");
      assert.notEqual(again?.candidate, candidate.id, "its name is another one");
      const ended = await world.ended(again!.id);
      assert.deepEqual(ended.rollback?.cause, ["harm", "release 2 is in quarantine"]);
      assert.equal(ended.rollback!.decidedAt - ended.exposedAt! < 1000, true);
      assert.equal(world.target.live("sim:model"), MODEL_1);
      assert.equal((await world.store.lastKnownGood("loans"))?.release, stable.id);
    });
  });

  it("goes back when a person says so, before there is proof", async () => {
    const { rollout, target } = await moved({ losses: 0.05 }, async (world) => {
      const [newest] = await world.store.rollouts("loans");
      await world.control.pullCord(newest!.id, "on-call", "who did that?");
    });
    assert.equal(rollout.rollback?.cause[0], "person");
    assert.equal(target.live("sim:model"), MODEL_1);
  });

  it("is found again by another controller after a crash", async () => {
    const world = createControlWorld({ losses: 0.2 });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(30_000);
      world.target.rivalWrite("sim:model", MODEL_2);
      await world.until(() => world.kinds().includes("noticed"));
      world.kill();
      const { control } = world.boot("second");
      const resumed = await control.resume();
      assert.equal((await control.ended(resumed!.id)).rollback?.outcome, "verified");
    });
    assert.equal(world.target.live("sim:model"), MODEL_1);
  });

  it("in a component that nobody here can bring back is contained as far as that goes, and people are called", async () => {
    const components = playbook.components.map((one) =>
      one.name === "model" ? { ...one, undo: "irreversible" as const } : one,
    );
    const { rollout, target, notices } = await moved({ losses: 0.2, playbook: { components } });
    assert.equal(rollout.rollback?.outcome, "stuck");
    assert.equal(rollout.note, "model cannot be brought back from here");
    assert.equal(target.live("sim:model"), MODEL_2);
    assert.ok(notices.some((notice) => notice.includes("people are needed")));
  });

  it("makes an announced one wait until it is judged", async () => {
    await moved({ losses: 0.05 }, async ({ control }) => {
      await assert.rejects(control.release(third), { code: "RELEASE_REFUSED", message: /still running/ });
    });
  });

  it("is waited for with a window that an announced one need not wait for either", async () => {
    const world = createControlWorld();
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(30_000);
      const asked = world.clock.now();
      const { id } = await world.control.release(third);
      await world.until(() => world.kinds().includes("exposed"));
      assert.ok(world.clock.now() - asked < 1000, "it waited for a window that was there");
      assert.ok((await world.store.rollout(id))!.frozen[0]!.n > 20_000);
      await world.ended(id);
    });
  });

  it("is not what a dead target looks like", async () => {
    const dead = { kind: "unreachable", reason: "connection refused" } as const;
    let alive = true;
    const world = createControlWorld({
      ports: ({ adapterFor }) => ({
        adapterFor: (at) => ({
          ...adapterFor(at),
          read: async (place, signal) => (alive ? adapterFor(at).read(place, signal) : dead),
        }),
      }),
    });
    await world.live(async () => {
      await world.control.adopt(stable);
      alive = false;
      await world.clock.sleep(30_000);
    });
    assert.deepEqual(world.kinds(), []);
  });
});
