import assert from "node:assert/strict";
import { describe } from "node:test";
import { digestOf } from "../../core/digest.ts";
import type { Change, Store } from "../../core/ports.ts";
import { packOf } from "../../core/sample-pack.ts";
import {
  anHour,
  aRelease,
  aRollout,
  aRoute,
  aSaga,
  aSample,
  aStep,
  impossible,
  NOON,
  notesOf,
  recording,
  TTL,
} from "./fixtures.ts";
import type { Cases } from "./suite.ts";

/** One change of every kind. */
function everything(): readonly Change[] {
  const release = aRelease("1");
  return [
    { kind: "release", release },
    { kind: "known-good", knownGood: { system: "loans", release: release.id, provedAt: NOON } },
    { kind: "quarantine", quarantine: { release: release.id, system: "loans", since: NOON, reason: "harmful" } },
    { kind: "rollout", rollout: aRollout("r1") },
    { kind: "saga", saga: aSaga("s1", "r1") },
    { kind: "step", record: aStep("s1", "model") },
    { kind: "samples", rollout: "r1", samples: [aSample()] },
    { kind: "pack", rollout: "r1", pack: packOf(0, [aSample({ sequence: 2 })]) },
    { kind: "season", system: "loans", hours: [anHour()], oldest: NOON },
    { kind: "route", route: aRoute(1) },
    { kind: "flag", flag: { key: "f1", digest: digestOf("f1"), variant: "on", variants: { on: true, off: false } } },
    { kind: "token", token: { id: "t1", sha256: "00", role: "admin", createdAt: NOON } },
    { kind: "checkpoint", checkpoint: { size: 1, root: "root", note: "note" } },
    recording("one"),
  ];
}

async function contents(store: Store) {
  return {
    release: await store.release(aRelease("1").id),
    knownGood: await store.lastKnownGood("loans"),
    quarantine: await store.quarantine(aRelease("1").id),
    record: await store.record("r1"),
    rollouts: await store.rollouts(),
    running: await store.runningSagas(),
    steps: await store.steps("s1"),
    samples: await store.samples("r1"),
    packs: await store.packs("r1", 0, 9),
    seasons: await store.seasons("loans"),
    route: await store.route("loans"),
    flags: await store.flags(),
    tokens: await store.tokens(),
    checkpoint: await store.checkpoint(),
    entries: await store.entries(0, 100),
  };
}

export function commitCases(cases: Cases): void {
  describe("a commit", () => {
    atomicityCases(cases);
    writingCases(cases);
  });
  describe("a guarded commit", () => {
    fencedCases(cases);
    unfencedCases(cases);
  });
}

function writingCases({ test }: Cases): void {
  test("answers committed and shows every change at once", async (store) => {
    assert.deepEqual(await store.commit(everything()), { kind: "committed" });
    const now = await contents(store);
    assert.deepEqual(now.record?.sagas, [aSaga("s1", "r1")]);
    assert.deepEqual(now.checkpoint, { size: 1, root: "root", note: "note" });
    for (const [name, found] of Object.entries(now)) assert.ok(found !== undefined, name);
  });

  test("of nothing is committed and changes nothing", async (store) => {
    const before = await contents(store);
    assert.deepEqual(await store.commit([]), { kind: "committed" });
    assert.deepEqual(await contents(store), before);
  });

  test("keeps the last of several writes of one entity", async (store) => {
    const routes: readonly Change[] = [1, 2, 3].map((epoch) => ({ kind: "route", route: aRoute(epoch) }));
    await store.commit(routes);
    assert.equal((await store.route("loans"))?.epoch, 3);
  });

  test("is not touched by what the caller does to the object afterwards", async (store) => {
    const rollout = structuredClone(aRollout("r1")) as { phase: string };
    await store.commit([{ kind: "rollout", rollout: rollout as never }]);
    rollout.phase = "aborted";
    assert.equal((await store.rollout("r1"))?.phase, "progressing");
  });

  test("is one of many at once, and all of them arrive", async (store) => {
    const ids = Array.from({ length: 100 }, (_, place) => `r${place}`);
    const answers = await Promise.all(
      ids.map((id) => store.commit([{ kind: "rollout", rollout: aRollout(id) }, recording(id)])),
    );
    assert.ok(answers.every((answer) => answer.kind === "committed"));
    assert.equal((await store.rollouts()).length, ids.length);
    assert.equal(await store.entryCount(), ids.length);
  });
}

function atomicityCases({ test }: Cases): void {
  test("that fails at its last change writes none of them", async (store) => {
    const before = await contents(store);
    await assert.rejects(store.commit([...everything(), impossible()]), TypeError);
    assert.deepEqual(await contents(store), before);
  });

  test("that fails leaves earlier state of the same entities as it was", async (store) => {
    await store.commit(everything());
    const before = await contents(store);
    await assert.rejects(
      store.commit([
        { kind: "rollout", rollout: aRollout("r1", { phase: "aborted" }) },
        { kind: "route", route: aRoute(2) },
        recording("two"),
        impossible(),
      ]),
    );
    assert.deepEqual(await contents(store), before);
  });

  test("of an unknown kind is refused, together with what stands beside it", async (store) => {
    const unknown = { kind: "nonsense" } as unknown as Change;
    await assert.rejects(store.commit([recording("one"), unknown]), TypeError);
    assert.equal(await store.entryCount(), 0);
  });

  test("works after one that failed, and uses no index for the failed one", async (store) => {
    await assert.rejects(store.commit([recording("lost"), impossible()]));
    await store.commit([recording("kept")]);
    assert.deepEqual(
      (await store.entries(0, 10)).map((entry) => entry.index),
      [0],
    );
  });
}

function fencedCases({ test }: Cases): void {
  test("writes nothing once another holder has a newer fence, and names that holder", async (store, _, time) => {
    await store.acquireLease("loans", "a", 1, time.now());
    await time.pass(1);
    await store.acquireLease("loans", "b", TTL, time.now());
    const before = await contents(store);
    const answer = await store.commit(everything(), { resource: "loans", fence: 1 });
    assert.deepEqual(answer, { kind: "fenced", holder: "b" });
    assert.deepEqual(await contents(store), before);
  });

  test("is fenced when the same holder took the lease again", async (store) => {
    await store.acquireLease("loans", "a", TTL, NOON);
    await store.acquireLease("loans", "a", TTL, NOON);
    const answer = await store.commit([recording("one")], { resource: "loans", fence: 1 });
    assert.deepEqual(answer, { kind: "fenced", holder: "a" });
  });

  test("under two leases is fenced when another took either", async (store, _, time) => {
    const [loans, flag] = [
      (await store.acquireLease("loans", "a", 1, time.now()))!,
      (await store.acquireLease("flag", "rollout-1", 1, time.now()))!,
    ];
    const guard = { ...flag, also: loans };
    assert.equal((await store.commit([recording("one")], guard)).kind, "committed");
    await time.pass(1);
    const next = (await store.acquireLease("loans", "b", TTL, time.now()))!;
    const fenced = { kind: "fenced", holder: "b" };
    assert.deepEqual(await store.commit([recording("two")], guard), fenced);
    assert.equal((await store.commit([recording("three")], { ...flag, also: next })).kind, "committed");
    const claim = { resources: ["flag"], holder: "rollout-1", ttl: TTL, now: time.now() };
    assert.deepEqual(await store.commit([], guard, claim), fenced);
    await store.acquireLease("flag", "rollout-1", TTL, time.now());
    assert.equal((await store.commit([recording("four")], { ...flag, also: next })).kind, "fenced");
    assert.deepEqual(notesOf(await store.entries(0, 9)), ["one", "three"]);
  });

  test("is fenced when nobody ever took the lease", async (store) => {
    const answer = await store.commit([recording("one")], { resource: "loans", fence: 1 });
    assert.deepEqual(answer, { kind: "fenced", holder: "" });
    assert.equal(await store.entryCount(), 0);
  });

  test("is fenced by a fence that is not yet given out", async (store) => {
    await store.acquireLease("loans", "a", TTL, NOON);
    const answer = await store.commit([recording("one")], { resource: "loans", fence: 2 });
    assert.equal(answer.kind, "fenced");
  });
}

function unfencedCases({ test }: Cases): void {
  test("is committed while the fence is the newest", async (store) => {
    const lease = await store.acquireLease("loans", "a", TTL, NOON);
    assert.equal(lease?.fence, 1);
    assert.deepEqual(await store.commit([recording("one")], { resource: "loans", fence: 1 }), { kind: "committed" });
    assert.equal(await store.entryCount(), 1);
  });

  test("looks at its own resource only", async (store) => {
    await store.acquireLease("loans", "a", TTL, NOON);
    await store.acquireLease("fraud", "b", TTL, NOON);
    await store.acquireLease("fraud", "b", TTL, NOON);
    assert.equal((await store.commit([recording("one")], { resource: "loans", fence: 1 })).kind, "committed");
    assert.equal((await store.commit([recording("two")], { resource: "fraud", fence: 1 })).kind, "fenced");
  });

  test("goes through after the lease ran out when nobody else took it", async (store, _, time) => {
    await store.acquireLease("loans", "a", 1, time.now());
    await time.pass(10);
    assert.equal((await store.commit([recording("late")], { resource: "loans", fence: 1 })).kind, "committed");
  });
}
