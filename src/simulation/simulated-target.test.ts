import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Digest, digestOf } from "../core/digest.ts";
import type { RestoreRequest } from "../core/ports.ts";
import { describeRestoreAdapter } from "../testing/index.ts";
import { createSimulatedClock } from "./clock.ts";
import { faultKinds } from "./faults.ts";
import { createSeededRandom } from "./random.ts";
import { createSimulatedTarget, type SimulatedTarget, type SimulatedTargetOptions } from "./simulated-target.ts";

const AT = "sim://lending/model";
const OLD = digestOf("model 11");
const NEW = digestOf("model 12");
const signal = new AbortController().signal;

function world(options: Partial<SimulatedTargetOptions> = {}, seed: number | string = 1) {
  const clock = createSimulatedClock(0);
  const random = createSeededRandom(seed);
  const target = createSimulatedTarget({ clock, random, revisions: { [AT]: [OLD, NEW] }, ...options });
  return { clock, random, target };
}

async function request(target: SimulatedTarget, desired: Digest, key = "k", fence = 1): Promise<RestoreRequest> {
  const found = await target.read(AT, signal);
  assert.ok(found.kind === "live");
  return { at: AT, desired, before: { digest: found.digest, version: found.version }, key, fence };
}

for (const guarantee of ["cas", "idempotent", "blind"] as const) {
  describeRestoreAdapter({
    name: `the simulated target (${guarantee})`,
    setup: async () => {
      const { target } = world({ guarantee });
      return {
        adapter: target,
        at: AT,
        revisions: [OLD, NEW],
        unknown: digestOf("never built"),
        rival: async (digest) => target.rivalWrite(AT, digest),
        stop: async () => {},
      };
    },
  });
}

describeRestoreAdapter({
  name: "the simulated target beside a rival",
  setup: async () => {
    const { target } = world({ rivals: { [AT]: OLD } });
    return {
      adapter: target,
      at: AT,
      revisions: [OLD, NEW],
      unknown: digestOf("never built"),
      rivalActs: async () => target.rivalActs(AT),
      stop: async () => {},
    };
  },
});

describe("faults of the simulated target", () => {
  test("a lost reply has had its effect, a lost request has not", async () => {
    const { target } = world();
    target.inject("lost-request");
    assert.equal((await target.apply(await request(target, NEW), signal)).kind, "unknown");
    assert.equal(target.live(AT), OLD);
    target.inject("lost-reply");
    assert.equal((await target.apply(await request(target, NEW), signal)).kind, "unknown");
    assert.equal(target.live(AT), NEW);
    assert.deepEqual([target.injected["lost-request"], target.injected["lost-reply"]], [1, 1]);
  });

  test("a slow request arrives after its caller has given up", async () => {
    const { clock, target } = world();
    const ready = await request(target, NEW);
    target.inject("slow");
    const giveUp = new AbortController();
    const waiting = target.apply(ready, giveUp.signal);
    giveUp.abort();
    assert.equal((await clock.run(waiting)).kind, "unknown");
    assert.equal(target.live(AT), OLD);
    await clock.advance(60_000);
    assert.equal(target.live(AT), NEW);
    assert.ok((target.effects[0]?.time ?? 0) > 0);
  });

  test("a duplicate has no second effect, except at a blind target", async () => {
    for (const [guarantee, effects] of [
      ["cas", 1],
      ["idempotent", 1],
      ["blind", 2],
    ] as const) {
      const { clock, target } = world({ guarantee });
      target.inject("duplicate");
      await clock.run(target.apply(await request(target, NEW), signal));
      await clock.advance(60_000);
      assert.equal(target.effects.length, effects, guarantee);
    }
  });

  test("a rival's write just before arrival is a conflict, and is logged as the rival's", async () => {
    const { target } = world();
    target.inject("rival-write");
    assert.equal((await target.apply(await request(target, NEW), signal)).kind, "conflict");
    assert.deepEqual(target.effects, [{ at: AT, time: 0, by: "rival", key: "rival", fence: 0, from: OLD, to: NEW }]);
  });

  test("a read can fail, and a lost revision is neither held nor applied", async () => {
    const { target } = world();
    const ready = await request(target, NEW);
    target.inject("unreachable");
    assert.equal((await target.read(AT, signal)).kind, "unreachable");
    target.lose(AT, NEW);
    assert.equal(await target.holds(AT, NEW, signal), false);
    assert.equal((await target.apply(ready, signal)).kind, "refused");
    assert.throws(() => target.live("sim://nowhere"), /nothing at sim:\/\/nowhere/);
  });

  test("whatever the faults, a key has at most one effect and fences never go back", async () => {
    const rates = Object.fromEntries(faultKinds.map((kind) => [kind, 0.2]));
    let injected = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { clock, target } = world({ faults: { rates, meanDelay: 500 } }, seed);
        const holder = async (fence: number) => {
          for (let turn = 0; turn < 6; turn++) {
            const found = await target.read(AT, signal);
            if (found.kind !== "live") continue;
            const desired = found.digest === OLD ? NEW : OLD;
            const sent = { at: AT, desired, before: found, key: `${fence}-${turn}`, fence };
            await target.apply(sent, signal);
            await target.apply(sent, signal);
          }
        };
        await clock.run(Promise.all([holder(1), holder(2)]));
        await clock.advance(60_000);
        const ours = target.effects.filter((effect) => effect.by === "request");
        assert.equal(new Set(ours.map((effect) => effect.key)).size, ours.length);
        for (const [index, effect] of ours.entries()) assert.ok(effect.fence >= (ours[index - 1]?.fence ?? 0));
        for (const [index, { from }] of target.effects.entries())
          assert.equal(from, target.effects[index - 1]?.to ?? OLD);
        injected += Object.values(target.injected).reduce((sum, count) => sum + count, 0);
      }),
      { numRuns: 60 },
    );
    assert.ok(injected > 300, `only ${injected} faults`);
  });

  test("the same seed gives the same history", async () => {
    const history = async () => {
      const rates = Object.fromEntries(faultKinds.map((kind) => [kind, 0.3]));
      const { clock, target } = world({ faults: { rates } }, "replay");
      for (let turn = 0; turn < 20; turn++) {
        const found = await clock.run(target.read(AT, signal));
        if (found.kind === "live") {
          const sent = { at: AT, desired: NEW, before: found, key: String(turn), fence: 1 };
          await clock.run(target.apply(sent, signal));
        }
      }
      return { effects: target.effects, injected: target.injected, now: clock.now() };
    };
    assert.deepEqual(await history(), await history());
  });
});
