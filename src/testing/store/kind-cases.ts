import assert from "node:assert/strict";
import { describe } from "node:test";
import { digestOf } from "../../core/digest.ts";
import type { Change, FlagState, Store, TokenRecord } from "../../core/ports.ts";
import {
  anEntry,
  anHour,
  aRelease,
  aRollout,
  aRoute,
  aSaga,
  aSample,
  aStep,
  impossible,
  NOON,
  recording,
  TTL,
} from "./fixtures.ts";
import type { Cases } from "./suite.ts";

/** One kind of change: a first and a later one of the same key, and how they are read. */
interface Kind {
  readonly name: string;
  readonly first: Change;
  readonly later: Change;
  readonly read: (store: Store) => Promise<unknown>;
  /** Does the later one take the place of the first? */
  readonly replaces: boolean;
}

const { id } = aRelease("1");
const known = (release: string, provedAt: number): Change => ({
  kind: "known-good",
  knownGood: { system: "loans", release: aRelease(release).id, provedAt },
});
const flag = (variant: string): FlagState => ({
  key: "f1",
  digest: digestOf(variant),
  variant,
  variants: { on: true, off: false },
});
const token = (sha256: string): TokenRecord => ({ id: "t1", sha256, role: "admin", createdAt: NOON });
const quarantine = { release: id, system: "loans", since: NOON, reason: "harmful" };
const checkpoint = (size: number): Change => ({ kind: "checkpoint", checkpoint: { size, root: `${size}`, note: "n" } });
const samples = (k: number): Change => ({ kind: "samples", rollout: "r1", samples: [aSample({ k })] });

const season = (n: number): Change => ({ kind: "season", system: "loans", hours: [anHour({ n })], oldest: 0 });

const kinds: readonly Kind[] = [
  {
    name: "release",
    first: { kind: "release", release: aRelease("1") },
    later: { kind: "release", release: { ...aRelease("1"), label: "renamed" } },
    read: (store) => store.release(id),
    replaces: true,
  },
  {
    name: "proof of a release",
    first: known("1", NOON),
    later: known("2", NOON + 1),
    read: (store) => store.lastKnownGood("loans"),
    replaces: true,
  },
  {
    name: "quarantine",
    first: { kind: "quarantine", quarantine },
    later: { kind: "quarantine", quarantine: { ...quarantine, liftedBy: "credit-risk" } },
    read: (store) => store.quarantine(id),
    replaces: true,
  },
  {
    name: "rollout",
    first: { kind: "rollout", rollout: aRollout("r1") },
    later: { kind: "rollout", rollout: aRollout("r1", { phase: "healthy" }) },
    read: (store) => store.rollout("r1"),
    replaces: true,
  },
  {
    name: "saga",
    first: { kind: "saga", saga: aSaga("s1", "r1") },
    later: { kind: "saga", saga: aSaga("s1", "r1", { note: "again" }) },
    read: async (store) => (await store.runningSagas())[0],
    replaces: true,
  },
  {
    name: "step",
    first: { kind: "step", record: aStep("s1", "model") },
    later: { kind: "step", record: aStep("s1", "model", { status: "done" }) },
    read: async (store) => (await store.steps("s1"))[0],
    replaces: true,
  },
  {
    name: "block of samples",
    first: samples(6),
    later: samples(7),
    read: async (store) => (await store.samples("r1"))[0],
    replaces: false,
  },
  {
    name: "hour of a season",
    first: season(5000),
    later: season(6000),
    read: async (store) => (await store.seasons("loans"))[0],
    replaces: true,
  },
  {
    name: "route",
    first: { kind: "route", route: aRoute(1) },
    later: { kind: "route", route: aRoute(2, { candidate: digestOf("c"), candidatePpm: 5, swapped: true }) },
    read: (store) => store.route("loans"),
    replaces: true,
  },
  {
    name: "flag",
    first: { kind: "flag", flag: flag("on") },
    later: { kind: "flag", flag: flag("off") },
    read: async (store) => (await store.flags())[0],
    replaces: true,
  },
  {
    name: "token",
    first: { kind: "token", token: token("00") },
    later: { kind: "token", token: token("01") },
    read: async (store) => (await store.tokens())[0],
    replaces: true,
  },
  {
    name: "checkpoint",
    first: checkpoint(1),
    later: checkpoint(2),
    read: (store) => store.checkpoint(),
    replaces: true,
  },
  {
    name: "entry",
    first: { kind: "entry", entry: anEntry("one") },
    later: { kind: "entry", entry: anEntry("two") },
    read: async (store) => (await store.entries(0, 1))[0],
    replaces: false,
  },
];

/** What every kind of change has in common, kind by kind. */
export function kindCases(cases: Cases): void {
  for (const kind of kinds)
    describe(`a ${kind.name}`, () => {
      readingCases(cases, kind);
      guardingCases(cases, kind);
      if (!cases.suite.skip?.includes("durable")) keepingCases(cases, kind);
    });
}

function readingCases({ test }: Cases, { first, later, read, replaces }: Kind): void {
  test("is there once it is committed, and reads the same each time", async (store) => {
    assert.equal(await read(store), undefined);
    await store.commit([first]);
    const found = await read(store);
    assert.notEqual(found, undefined);
    assert.deepEqual(await read(store), found);
  });

  test(`of a later commit ${replaces ? "takes the place of" : "leaves"} the first`, async (store) => {
    await store.commit([first]);
    const before = await read(store);
    await store.commit([later]);
    if (replaces) assert.notDeepEqual(await read(store), before);
    else assert.deepEqual(await read(store), before);
  });

  test("that comes twice in one commit ends as it does in two", async (store) => {
    await store.commit([first, recording("between"), later]);
    const found = await read(store);
    await store.commit([later]);
    assert.deepEqual(await read(store), found);
  });

  test("is what it was when it was committed, whatever the caller does to it", async (store) => {
    const change = structuredClone(first);
    await store.commit([change]);
    const before = JSON.stringify(await read(store));
    for (const field of Object.values(change))
      if (typeof field === "object")
        for (const key of Object.keys(field)) delete (field as Record<string, unknown>)[key];
    assert.equal(JSON.stringify(await read(store)), before);
  });

  test("is not there when a change beside it cannot be written, before it or after it", async (store) => {
    await assert.rejects(store.commit([first, impossible()]), TypeError);
    await assert.rejects(store.commit([impossible(), first]), TypeError);
    assert.equal(await read(store), undefined);
  });
}

function guardingCases({ test }: Cases, { first, later, read }: Kind): void {
  test("is written under the newest fence only", async (store, _, time) => {
    await store.acquireLease("loans", "a", TTL, time.now());
    await store.acquireLease("loans", "a", TTL, time.now());
    assert.equal((await store.commit([first], { resource: "loans", fence: 1 })).kind, "fenced");
    assert.equal(await read(store), undefined);
    assert.equal((await store.commit([first], { resource: "loans", fence: 2 })).kind, "committed");
    const found = await read(store);
    assert.notEqual(found, undefined);
    assert.equal((await store.commit([later], { resource: "loans", fence: 1 })).kind, "fenced");
    assert.deepEqual(await read(store), found);
  });
}

function keepingCases({ suite, test }: Cases, { first, later, read }: Kind): void {
  test("is as it was when the store is opened again, and goes on from there", async (store, place) => {
    await store.commit([first]);
    const found = await read(store);
    await store.close();
    const again = await suite.open(place);
    try {
      assert.deepEqual(await read(again), found);
      await again.commit([later]);
      assert.notEqual(await read(again), undefined);
    } finally {
      await again.close();
    }
  });
}
