import assert from "node:assert/strict";
import { describe } from "node:test";
import { digestOf } from "../../core/digest.ts";
import type { FlagState } from "../../core/ports.ts";
import type { Verdict } from "../../core/verdict.ts";
import { aRelease, aRollout, aRoute, aSaga, aSample, aStep, NOON } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

export function entityCases(cases: Cases): void {
  describe("releases", () => releaseCases(cases));
  describe("the last known good", () => knownGoodCases(cases));
  describe("rollouts", () => rolloutCases(cases));
  describe("sagas and steps", () => sagaCases(cases));
  describe("routes, flags and tokens", () => smallCases(cases));
}

function releaseCases({ test }: Cases): void {
  test("nothing is known in an empty store", async (store) => {
    const { id } = aRelease("1");
    assert.equal(await store.release(id), undefined);
    assert.equal(await store.lastKnownGood("loans"), undefined);
    assert.equal(await store.quarantine(id), undefined);
  });

  test("a release comes back whole", async (store) => {
    const release = aRelease("1");
    await store.commit([{ kind: "release", release }]);
    assert.deepEqual(await store.release(release.id), release);
  });

  test("the components of a release keep their order", async (store) => {
    const release = aRelease("1");
    await store.commit([{ kind: "release", release }]);
    assert.deepEqual(Object.keys((await store.release(release.id))?.revisions ?? {}), ["model", "data"]);
  });

  test("a quarantine stays until it is lifted, and then says who lifted it", async (store) => {
    const quarantine = { release: aRelease("1").id, system: "loans", since: NOON, reason: "lost approvals" };
    await store.commit([{ kind: "quarantine", quarantine }]);
    assert.deepEqual(await store.quarantine(quarantine.release), quarantine);
    await store.commit([{ kind: "quarantine", quarantine: { ...quarantine, liftedBy: "credit-risk" } }]);
    assert.deepEqual(await store.quarantine(quarantine.release), { ...quarantine, liftedBy: "credit-risk" });
  });

  test("a quarantine that was lifted can be set again", async (store) => {
    const quarantine = { release: aRelease("1").id, system: "loans", since: NOON, reason: "leak" };
    await store.commit([{ kind: "quarantine", quarantine: { ...quarantine, liftedBy: "credit-risk" } }]);
    await store.commit([{ kind: "quarantine", quarantine }]);
    assert.equal((await store.quarantine(quarantine.release))?.liftedBy, undefined);
  });
}

function knownGoodCases({ test }: Cases): void {
  test("the last known good is the one written last, also when a clock was set back", async (store) => {
    for (const [label, provedAt] of [
      ["1", NOON + 3_600_000],
      ["2", NOON],
    ] as const)
      await store.commit([
        { kind: "known-good", knownGood: { system: "loans", release: aRelease(label).id, provedAt } },
      ]);
    assert.equal((await store.lastKnownGood("loans"))?.release, aRelease("2").id);
  });

  test("of two in one commit the later one is the last known good", async (store) => {
    await store.commit(
      ["1", "2"].map((label) => ({
        kind: "known-good",
        knownGood: { system: "loans", release: aRelease(label).id, provedAt: NOON },
      })),
    );
    assert.equal((await store.lastKnownGood("loans"))?.release, aRelease("2").id);
  });

  test("of two proved in the same millisecond the later commit is the last known good", async (store) => {
    for (const label of ["1", "2"])
      await store.commit([
        { kind: "known-good", knownGood: { system: "loans", release: aRelease(label).id, provedAt: NOON } },
      ]);
    assert.equal((await store.lastKnownGood("loans"))?.release, aRelease("2").id);
  });

  test("a release that is proved again becomes the last known good again", async (store) => {
    for (const [place, label] of ["1", "2", "1"].entries())
      await store.commit([
        { kind: "known-good", knownGood: { system: "loans", release: aRelease(label).id, provedAt: NOON + place } },
      ]);
    assert.equal((await store.lastKnownGood("loans"))?.release, aRelease("1").id);
  });

  test("each system has its own last known good", async (store) => {
    await store.commit([
      { kind: "known-good", knownGood: { system: "fraud", release: aRelease("9").id, provedAt: NOON } },
    ]);
    assert.equal(await store.lastKnownGood("loans"), undefined);
  });
}

function rolloutCases({ test }: Cases): void {
  test("an unknown rollout and its record are undefined", async (store) => {
    assert.equal(await store.rollout("r1"), undefined);
    assert.equal(await store.record("r1"), undefined);
    assert.deepEqual(await store.rollouts(), []);
  });

  test("a field that is gone in a new version is gone from the store", async (store) => {
    await store.commit([{ kind: "rollout", rollout: aRollout("r1", { note: "paused by a person" }) }]);
    await store.commit([{ kind: "rollout", rollout: aRollout("r1") }]);
    assert.deepEqual(await store.rollout("r1"), aRollout("r1"));
  });

  test("infinite evidence comes back infinite", async (store) => {
    const verdict: Verdict = {
      kind: "harmful",
      at: NOON,
      because: ["leak"],
      logEvidence: Infinity,
      logThreshold: -Infinity,
      findings: [],
    };
    await store.commit([{ kind: "rollout", rollout: aRollout("r1", { verdict }) }]);
    assert.deepEqual((await store.rollout("r1"))?.verdict, verdict);
  });

  test("a record holds the samples, sagas and steps of its rollout and no others", async (store) => {
    await store.commit([
      { kind: "rollout", rollout: aRollout("r1") },
      { kind: "rollout", rollout: aRollout("r2") },
      { kind: "saga", saga: aSaga("s1", "r1") },
      { kind: "saga", saga: aSaga("s2", "r2") },
      { kind: "step", record: aStep("s1", "model") },
      { kind: "step", record: aStep("s2", "model") },
      { kind: "samples", rollout: "r1", samples: [aSample()] },
      { kind: "samples", rollout: "r2", samples: [aSample({ node: "other" })] },
    ]);
    assert.deepEqual(await store.record("r1"), {
      rollout: aRollout("r1"),
      samples: [aSample()],
      sagas: [aSaga("s1", "r1")],
      steps: [aStep("s1", "model")],
    });
    assert.deepEqual(await store.sagas("r1"), [aSaga("s1", "r1")]);
    assert.deepEqual(await store.sagas("r3"), []);
  });

  test("a record of 2 MB with text of every script comes back whole", async (store) => {
    const note = "ünï🛟 漢字 \u202e \u0000 \ud83d\ude00 ".repeat(70_000);
    await store.commit([{ kind: "rollout", rollout: aRollout("r1", { note }) }]);
    assert.equal((await store.rollout("r1"))?.note, note);
  });
}

function sagaCases({ test }: Cases): void {
  test("only sagas that still run are running, in the order in which they were written first", async (store) => {
    await store.commit([
      { kind: "saga", saga: aSaga("early", "r1", { startedAt: NOON + 1 }) },
      { kind: "saga", saga: aSaga("late", "r1") },
      { kind: "saga", saga: aSaga("done", "r1", { status: "completed" }) },
      { kind: "saga", saga: aSaga("stuck", "r1", { status: "stuck" }) },
    ]);
    assert.deepEqual(idsOf(await store.runningSagas()), ["early", "late"]);
    assert.deepEqual(idsOf(await store.sagas("r1")), ["early", "late", "done", "stuck"]);
  });

  test("a saga that ends is no longer running", async (store) => {
    await store.commit([{ kind: "saga", saga: aSaga("s1", "r1") }]);
    await store.commit([{ kind: "saga", saga: aSaga("s1", "r1", { status: "completed", endedAt: NOON + 5 }) }]);
    assert.deepEqual(await store.runningSagas(), []);
  });

  test("a step's done replaces its intent and keeps its place", async (store) => {
    for (const step of ["schema", "model"]) await store.commit([{ kind: "step", record: aStep("s1", step) }]);
    await store.commit([{ kind: "step", record: aStep("s1", "schema", { status: "done", endedAt: NOON + 1 }) }]);
    assert.deepEqual(
      (await store.steps("s1")).map(({ step, status }) => [step, status]),
      [
        ["schema", "done"],
        ["model", "intent"],
      ],
    );
  });

  test("a step has one record in each direction", async (store) => {
    const [out, back] = [aStep("s1", "model"), aStep("s1", "model", { direction: "compensate", key: "back" })];
    await store.commit([
      { kind: "step", record: out },
      { kind: "step", record: back },
      { kind: "step", record: { ...out, status: "done" } },
      { kind: "step", record: { ...back, attempts: 2 } },
    ]);
    assert.deepEqual(await store.steps("s1"), [
      { ...out, status: "done" },
      { ...back, attempts: 2 },
    ]);
  });

  test("steps of the same name in two sagas are two steps", async (store) => {
    await store.commit([
      { kind: "step", record: aStep("s1", "model") },
      { kind: "step", record: aStep("s2", "model", { attempts: 2 }) },
    ]);
    assert.deepEqual(await store.steps("s2"), [aStep("s2", "model", { attempts: 2 })]);
    assert.deepEqual(await store.steps("s3"), []);
  });
}

function smallCases({ test }: Cases): void {
  test("a route belongs to its system and is replaced by the next one", async (store) => {
    await store.commit([{ kind: "route", route: aRoute(1, { candidate: digestOf("c"), candidatePpm: 50_000 }) }]);
    await store.commit([{ kind: "route", route: aRoute(2) }]);
    assert.deepEqual(await store.route("loans"), aRoute(2));
    assert.equal(await store.route("fraud"), undefined);
  });

  test("flags come in the order of their keys, each at its newest revision", async (store) => {
    const flag = (key: string, variant: string): FlagState => ({
      key,
      digest: digestOf(key + variant),
      variant,
      variants: { on: true, off: false, level: 3, text: "x" },
    });
    for (const [key, variant] of [
      ["b", "on"],
      ["a", "on"],
      ["b", "off"],
    ] as const)
      await store.commit([{ kind: "flag", flag: flag(key, variant) }]);
    assert.deepEqual(await store.flags(), [flag("a", "on"), flag("b", "off")]);
  });

  test("tokens come in the order in which they were made", async (store) => {
    const token = (id: string) => ({ id, sha256: `hash of ${id}`, role: "reporter", createdAt: NOON }) as const;
    for (const id of ["z", "a"]) await store.commit([{ kind: "token", token: token(id) }]);
    assert.deepEqual(await store.tokens(), [token("z"), token("a")]);
  });
}

function idsOf(entities: readonly { readonly id: string }[]): readonly string[] {
  return entities.map((entity) => entity.id);
}
