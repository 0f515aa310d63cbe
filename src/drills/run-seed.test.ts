import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Change } from "../core/ports.ts";
import type { Lease, StepRecord } from "../core/rollout.ts";
import { believing } from "./naive-designs.ts";
import { runSeed, traceDigest } from "./run-seed.ts";
import type { Scenario } from "./scenario.ts";
import { brokenIn, scorecard, surprising } from "./scorecard.ts";
import { sumOfTallies, tallyOf } from "./tally.ts";
import { createWitness } from "./witness.ts";
import { createWorld, type Sabotage, type WorldPorts } from "./world.ts";

describe("the loop in seeded worlds", () => {
  it("breaks no law in any of thirty worlds full of faults", async () => {
    const broken: string[] = [];
    for (let seed = 1; seed <= 30; seed++)
      for (const violation of (await runSeed(seed)).violations) broken.push(`seed ${seed}: ${violation}`);
    assert.deepEqual(broken, []);
  });

  it("ends a rollout that is proved safe and whose place somebody changed", async () => {
    const { violations, trace } = await runSeed(900126);
    assert.deepEqual(violations, []);
    assert.match(trace, /ended: undecided: verified$/);
  });

  it("replays a seed byte for byte", async () => {
    for (const seed of [3, 17, 25]) {
      const first = await runSeed(seed);
      const again = await runSeed(seed);
      assert.equal(again.trace, first.trace);
      assert.equal(traceDigest(again), traceDigest(first));
      assert.notEqual((await runSeed(seed + 1)).trace, first.trace);
    }
  });
});

const HARMFUL: Partial<Scenario> = {
  truth: "harmful",
  ratio: 3,
  authority: "act",
  components: 3,
  changed: 3,
  requestsPerSecond: 800,
  crashAtPoint: [],
  crashAfter: [],
  storeErrors: 0,
  faults: {},
};

/** The laws that are broken in a few worlds with this sabotage. */
async function brokenWith(sabotage: Sabotage): Promise<string> {
  const broken = new Set<string>();
  for (let seed = 1; seed <= 6; seed++) {
    for (const law of (await runSeed(seed, sabotage)).violations) broken.add(law);
  }
  return [...broken].join("\n");
}

describe("a guard that can fail", () => {
  it("lets the same worlds pass without sabotage", async () => {
    assert.equal(await brokenWith({ scenario: HARMFUL }), "");
  });

  it("sees a target that ignores keys and fences", async () => {
    const scenario = { ...HARMFUL, faults: { duplicate: 0.8 }, crashAtPoint: [4, 9] };
    assert.equal(await brokenWith({ scenario }), "");
    assert.match(await brokenWith({ scenario, guarantee: "blind" }), /had its effect at sim:\w+ twice/);
  });

  it("sees a late write of a controller that lost its place", async () => {
    const scenario = { ...HARMFUL, faults: { duplicate: 1 }, crashAfter: [6300], downtime: 0 };
    assert.equal(await brokenWith({ scenario }), "");
    assert.match(await brokenWith({ scenario, guarantee: "blind" }), /accepted a write of a stale fence/);
  });

  it("sees a restore that believes the answer and does not read back", async () => {
    const scenario = { ...HARMFUL, faults: { "lost-request": 0.5 } };
    const ports = ({ target }: WorldPorts) => ({ target: believing(target) });
    assert.equal(await brokenWith({ scenario }), "");
    assert.match(await brokenWith({ scenario, ports }), /is not at its restore point after/);
  });

  it("sees traffic that is not contained", async () => {
    const ports = ({ traffic }: WorldPorts) => ({
      traffic: {
        ...traffic,
        set: (route: Parameters<typeof traffic.set>[0]) => route.candidatePpm > 0 && traffic.set(route),
        renew: (system: string, until: number) => traffic.renew(system, until + 60_000),
      },
    });
    assert.match(await brokenWith({ scenario: HARMFUL, ports }), /served requests after its containment/);
  });

  it("sees an exposure that does not lapse", async () => {
    const scenario = { ...HARMFUL, ratio: 1, crashAfter: [9000], downtime: 6000 };
    const ports = ({ traffic }: WorldPorts) => ({
      traffic: { ...traffic, renew: (system: string, until: number) => traffic.renew(system, until + 60_000) },
    });
    assert.match(await brokenWith({ scenario, ports }), /longer than its lease with no controller alive/);
  });

  it("sees a store that forgets what it acknowledged", async () => {
    let commits = 0;
    const ports = ({ store }: WorldPorts) => ({
      store: {
        ...store,
        commit: async (...given: Parameters<typeof store.commit>) =>
          ++commits % 9 === 0 ? ({ kind: "committed" } as const) : store.commit(...given),
      },
    });
    const laws = await brokenWith({ scenario: HARMFUL, ports });
    assert.match(laws, /entries are not those that were acknowledged/);
    assert.match(laws, /samples that were acknowledged are lost/);
  });

  it("sees a gate that forgets the quarantine", async () => {
    const ports = ({ store }: WorldPorts) => ({ store: { ...store, quarantine: async () => undefined } });
    assert.match(await brokenWith({ scenario: HARMFUL, ports }), /a quarantined release passes the gate/);
  });

  it("sees an effect before its intent, a rollback that is forgotten and an exposure that is too long", async () => {
    const world = createWorld(1, { scenario: HARMFUL });
    const witness = createWitness(world);
    const { at, name } = world.system.playbook.components[0]!;
    const digest = world.system.candidate.revisions[name]!.digest;
    const before = { digest: world.target.live(at), version: "1" };
    const request = { at, desired: digest, before, key: "k", fence: 1 };
    await witness.watchTarget(world.target, "one").apply(request, new AbortController().signal);
    witness.watchTraffic(world.traffic).renew(world.system.playbook.system, world.clock.now() + 3000);
    assert.deepEqual(witness.violations, [
      `an effect at ${at} was sent before its intent was durable`,
      "an exposure was renewed for longer than its lease",
    ]);
  });
});

it("an effect of one controller under the intent of another is seen, and under a fence that its intent does not name", async () => {
  const world = createWorld(1, { scenario: HARMFUL });
  const witness = createWitness(world);
  const { at, name } = world.system.playbook.components[0]!;
  const digest = world.system.candidate.revisions[name]!.digest;
  const act = async (process: string, intended: boolean, first: boolean) => {
    const store = witness.watchStore(world.store, process);
    const now = world.clock.now();
    const claim = { resources: [`target:${at}`], holder: process, ttl: 0, now };
    const record = { key: "k", saga: "s", step: name, status: "intent", desired: digest, before: digest } as const;
    const changes = (targetFence?: number): readonly Change[] => [
      { kind: "step", record: { ...record, targetFence } as unknown as StepRecord },
      { kind: "entry", entry: { type: "step-intent", at: now, system: "s", actor: "a", data: { key: "k" } } },
    ];
    const taken = await store.commit(first ? changes() : [], undefined, claim);
    const [{ fence }] = (taken as unknown as { claimed: readonly [Lease] }).claimed;
    if (intended && !first) await store.commit(changes(fence));
    const before = { digest: world.target.live(at), version: "1" };
    await witness
      .watchTarget(world.target, process)
      .apply({ at, desired: digest, before, key: "k", fence }, new AbortController().signal);
    return witness.violations.length;
  };
  assert.equal(await act("one", true, true), 0);
  assert.equal(await act("two", false, false), 1, "it had the intent of another");
  assert.equal(await act("two", true, false), 1);
  assert.equal(await act("one", false, false), 1, "its first intent names no fence");
  assert.equal(await act("three", false, false), 2);
});

it("a write that one of its two fences is too old for is seen, whichever that is", async () => {
  const world = createWorld(1, { scenario: HARMFUL });
  const witness = createWitness(world);
  const of = (process: string) =>
    witness.watchStore({ ...world.store, commit: async () => ({ kind: "committed" }) }, process);
  const now = world.clock.now();
  const taken = async (resource: string, process: string) =>
    (await of(process).acquireLease(resource, process, 0, now))!.fence;
  const ours = { resource: "system:a", fence: await taken("system:a", "one") };
  const target = { resource: "target:a", fence: await taken("target:a", "one") };
  await of("one").commit([], { ...ours, also: target });
  assert.deepEqual(witness.violations, []);
  await taken("target:a", "two");
  await of("one").commit([], { ...ours, also: target });
  await of("one").commit([], { ...target, also: ours });
  await of("two").commit([], { ...ours, also: { resource: "target:a", fence: target.fence + 1 } });
  const stale = "the store accepted a write of a stale fence";
  assert.deepEqual(witness.violations, [stale, stale, "a controller wrote under a fence of another"]);
});

describe("the scorecard", () => {
  it("finds a share of errors surprising only when chance hardly makes it", () => {
    assert.equal(surprising(0, 1000, 0.001), false);
    assert.equal(surprising(3, 1000, 0.001), false);
    assert.equal(surprising(12, 1000, 0.001), true);
    assert.equal(surprising(80, 1000, 0.05), false);
  });

  it("counts broken laws, and healthy releases that go back more often than stated", async () => {
    const result = await runSeed(1, { scenario: HARMFUL });
    const once = tallyOf({ ...result, violations: ["a law"] });
    assert.equal(brokenIn(once), 1);
    const healthy = tallyOf({ ...result, truth: "healthy" });
    const often = sumOfTallies([once, ...Array.from({ length: 9 }, () => healthy)]);
    assert.equal(often.seeds, 10);
    assert.equal(brokenIn(often), 2);
    assert.match(scorecard(often), /healthy releases are rolled back more often than alpha/);
  });
});
