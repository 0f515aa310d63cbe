import assert from "node:assert/strict";
import { describe } from "node:test";
import type { Committed } from "../../core/ports.ts";
import { aRoute, NOON } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

const HOUR = 3_600_000;

export function leaseCases(cases: Cases): void {
  describe("a lease", () => takingCases(cases));
  describe("leases that a commit claims", () => claimCases(cases));
  describe("the end of a lease", () => endingCases(cases));
  describe("a renewal", () => renewalCases(cases));
}

function claimCases({ test }: Cases): void {
  const route = { kind: "route", route: aRoute(1) } as const;
  const claimBy = (holder: string, resources: readonly string[], now: number, ttl = HOUR) => {
    return { resources, holder, ttl, now };
  };
  const fencesOf = (answer: Committed) => {
    const claimed = answer.kind === "committed" ? answer.claimed : undefined;
    return claimed?.map(({ resource, holder, fence }) => `${resource} of ${holder}: ${fence}`).toSorted();
  };

  test("are taken with the commit, under a fence above all that were given before, and hold off others", async (store, _, time) => {
    await store.acquireLease("y", "a", time.ttl, time.now());
    for (let takes = 0; takes < 6; takes += 1) await store.acquireLease("loans", "a", time.ttl, time.now());
    const answer = await store.commit([route], undefined, claimBy("a", ["y", "x"], time.now()));
    assert.deepEqual(fencesOf(answer), ["x of a: 7", "y of a: 7"]);
    assert.ok(await store.route("loans"));
    assert.deepEqual(await store.commit([], undefined, claimBy("b", ["w", "x"], time.now())), { kind: "committed" });
    assert.equal((await store.acquireLease("loans", "a", time.ttl, time.now()))?.fence, 7, "one by itself just grows");
    const again = await store.commit([], undefined, claimBy("a", ["x", "y", "x"], time.now()));
    assert.deepEqual(fencesOf(again), ["x of a: 8", "y of a: 8"]);
    const [lease] = (again.kind === "committed" && again.claimed) || [];
    time.assertEnd(lease, HOUR);
    assert.ok(await store.renewLease(lease!, HOUR, time.now()));
  });

  test("are left when another holds one, and the commit is made all the same", async (store, _, time) => {
    await store.acquireLease("y", "a", HOUR, time.now());
    const answer = await store.commit([route], undefined, claimBy("b", ["x", "y", "z"], time.now()));
    assert.deepEqual(answer, { kind: "committed" });
    assert.ok(await store.route("loans"));
    await time.pass(1);
    for (const resource of ["x", "z"])
      assert.ok(await store.acquireLease(resource, "c", time.ttl, time.now() + 1), resource);
  });

  test("are given back by taking them for no time, and the next holder's fence is greater", async (store, _, time) => {
    await store.commit([], undefined, claimBy("a", ["x", "y"], time.now()));
    await store.commit([], undefined, claimBy("a", ["x", "y"], time.now(), 0));
    const next = await store.commit([], undefined, claimBy("b", ["y", "x"], time.now()));
    assert.deepEqual(fencesOf(next), ["x of b: 3", "y of b: 3"]);
  });

  test("are not taken by who is fenced, whatever the name", async (store, _, time) => {
    await store.acquireLease("loans", "a", HOUR, time.now());
    await store.commit([], undefined, claimBy("r1", ["x"], time.now()));
    const guard = { resource: "loans", fence: 7 };
    assert.equal((await store.commit([route], guard, claimBy("r1", ["x", "y"], time.now()))).kind, "fenced");
    assert.ok(await store.acquireLease("y", "c", time.ttl, time.now()));
    assert.equal((await store.acquireLease("x", "r1", time.ttl, time.now()))?.fence, 3);
  });

  test("are taken under a guard that holds, and by one of several at a time", async (store, _, time) => {
    const held = (await store.acquireLease("loans", "a", HOUR, time.now()))!;
    const claims = ["a", "b", "c", "d"].map((holder) =>
      store.commit([route], held, claimBy(holder, ["x", "y", "z"], time.now())),
    );
    const answers = await Promise.all(claims);
    assert.ok(answers.every(({ kind }) => kind === "committed"));
    assert.equal(answers.filter((answer) => answer.kind === "committed" && answer.claimed).length, 1);
  });
}

function takingCases({ test }: Cases): void {
  test("is given for a free resource with its first fence and its end", async (store, _, time) => {
    const lease = await store.acquireLease("loans", "a", time.ttl, time.now());
    time.assertEnd(lease, time.ttl);
    assert.deepEqual({ ...lease, until: 0 }, { resource: "loans", holder: "a", fence: 1, until: 0 });
  });

  test("is refused to another holder while it lasts", async (store, _, time) => {
    await store.acquireLease("loans", "a", HOUR, time.now());
    await time.pass(time.ttl);
    assert.equal(await store.acquireLease("loans", "b", time.ttl, time.now()), undefined);
  });

  test("is taken again by its holder before its end, with a greater fence", async (store, _, time) => {
    await store.acquireLease("loans", "a", time.ttl, time.now());
    await time.pass(1);
    assert.equal((await store.acquireLease("loans", "a", time.ttl, time.now()))?.fence, 2);
  });

  test("does not lose its fence through refused attempts", async (store, _, time) => {
    const lease = await store.acquireLease("loans", "a", HOUR, time.now());
    for (let attempt = 0; attempt < 5; attempt += 1) await store.acquireLease("loans", "b", HOUR, time.now() + attempt);
    assert.ok(lease && (await store.renewLease(lease, HOUR, time.now())));
  });

  test("of one resource says nothing about another", async (store, _, time) => {
    await store.acquireLease("loans", "a", HOUR, time.now());
    assert.equal((await store.acquireLease("fraud", "b", HOUR, time.now()))?.fence, 1);
  });

  test("is told apart by resource and holder of any script", async (store, _, time) => {
    const names = ["é", "e\u0301", "É", "🛟", "a'b", "a b", "", "__proto__"];
    for (const name of names) assert.equal((await store.acquireLease(name, name, HOUR, time.now()))?.holder, name);
    for (const name of names) assert.equal(await store.acquireLease(name, `${name}!`, HOUR, time.now()), undefined);
  });

  test("goes to exactly one of many that ask at once", async (store, _, time) => {
    const holders = Array.from({ length: 20 }, (_, place) => `holder-${place}`);
    const leases = await Promise.all(holders.map((holder) => store.acquireLease("loans", holder, HOUR, time.now())));
    assert.equal(leases.filter((lease) => lease !== undefined).length, 1);
  });

  test("gives a fence of its own to each of its holder's takes at once", async (store, _, time) => {
    const takes = Array.from({ length: 10 }, () => store.acquireLease("loans", "a", HOUR, time.now()));
    const fences = (await Promise.all(takes)).map((lease) => lease?.fence ?? 0);
    assert.deepEqual(
      fences.toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
  });
}

function endingCases({ suite, test }: Cases): void {
  const byCaller = suite.leaseClock !== "store";

  test("lets another holder take over, with a greater fence and an end of its own", async (store, _, time) => {
    await store.acquireLease("loans", "a", time.ttl, time.now());
    await time.pass(time.ttl);
    const taken = await store.acquireLease("loans", "b", time.ttl, time.now());
    time.assertEnd(taken, time.ttl);
    assert.deepEqual({ ...taken, until: 0 }, { resource: "loans", holder: "b", fence: 2, until: 0 });
  });

  test("grows the fence with every take-over and never repeats one", async (store, _, time) => {
    const fences: number[] = [];
    for (let turn = 0; turn < 10; turn += 1) {
      const lease = await store.acquireLease("loans", `holder-${turn % 3}`, 1, time.now());
      await time.pass(1);
      fences.push(lease?.fence ?? 0);
    }
    assert.deepEqual(fences, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test("does not come early for a clock that was set back", async (store, _, time) => {
    await store.acquireLease("loans", "a", time.ttl, time.now());
    assert.equal(await store.acquireLease("loans", "b", time.ttl, time.now() - HOUR), undefined);
  });

  test("gives the resource to exactly one of many that wait for it", async (store, _, time) => {
    await store.acquireLease("loans", "a", time.ttl, time.now());
    await time.pass(time.ttl);
    const holders = Array.from({ length: 20 }, (_, place) => `holder-${place}`);
    const leases = await Promise.all(holders.map((holder) => store.acquireLease("loans", holder, HOUR, time.now())));
    assert.deepEqual(
      leases.filter((lease) => lease !== undefined).map(({ fence }) => fence),
      [2],
    );
  });

  if (byCaller)
    test("is a moment: one millisecond before it the lease is refused, at it the lease is given", async (store) => {
      await store.acquireLease("loans", "a", 3000, NOON);
      assert.equal(await store.acquireLease("loans", "b", 3000, NOON + 2999), undefined);
      assert.equal((await store.acquireLease("loans", "b", 3000, NOON + 3000))?.until, NOON + 6000);
    });
  else
    test("does not come early for a caller whose clock is ahead, by an hour or for ever", async (store) => {
      await store.acquireLease("loans", "a", HOUR, NOON);
      for (const now of [Date.now() + 2 * HOUR, Number.MAX_SAFE_INTEGER])
        assert.equal(await store.acquireLease("loans", "b", HOUR, now), undefined);
    });
}

function renewalCases({ test }: Cases): void {
  test("moves the end and keeps the fence", async (store, _, time) => {
    const lease = await store.acquireLease("loans", "a", time.ttl, time.now());
    assert.ok(lease);
    await time.pass(1);
    const renewed = await store.renewLease(lease, HOUR, time.now());
    time.assertEnd(renewed, HOUR);
    assert.deepEqual({ ...renewed, until: lease.until }, lease);
    await time.pass(time.ttl);
    assert.equal(await store.acquireLease("loans", "b", time.ttl, time.now()), undefined);
  });

  test("of a lease that another one took is refused and leaves it alone", async (store, _, time) => {
    const lost = await store.acquireLease("loans", "a", 1, time.now());
    await time.pass(1);
    const taken = await store.acquireLease("loans", "b", time.ttl, time.now());
    assert.ok(lost && taken);
    assert.equal(await store.renewLease(lost, HOUR, time.now()), undefined);
    await time.pass(time.ttl);
    assert.equal((await store.acquireLease("loans", "c", time.ttl, time.now()))?.fence, 3);
  });

  test("of a lease that ended but that nobody took goes through", async (store, _, time) => {
    const lease = await store.acquireLease("loans", "a", 1, time.now());
    await time.pass(10);
    assert.equal((lease && (await store.renewLease(lease, HOUR, time.now())))?.fence, 1);
  });

  test("of a lease that was never given is refused", async (store, _, time) => {
    const invented = { resource: "loans", holder: "a", fence: 1, until: time.now() };
    assert.equal(await store.renewLease(invented, HOUR, time.now()), undefined);
  });

  test("with somebody else's fence is refused", async (store, _, time) => {
    const lease = await store.acquireLease("loans", "a", HOUR, time.now());
    assert.equal(lease && (await store.renewLease({ ...lease, holder: "b" }, HOUR, time.now())), undefined);
  });

  test("with an older fence of the same holder is refused", async (store, _, time) => {
    const first = await store.acquireLease("loans", "a", HOUR, time.now());
    const second = await store.acquireLease("loans", "a", HOUR, time.now());
    assert.equal(first && (await store.renewLease(first, HOUR, time.now())), undefined);
    assert.equal((second && (await store.renewLease(second, HOUR, time.now())))?.fence, 2);
  });

  test("of several extends those that are still ours, and answers which", async (store, _, time) => {
    const take = async (resource: string, ttl: number) =>
      (await store.acquireLease(resource, "a", ttl, time.now())) ?? assert.fail();
    const leases = [await take("x", 1), await take("y", 1), await take("z", time.ttl)];
    await time.pass(1);
    await store.acquireLease("x", "b", HOUR, time.now());
    const renewed = await store.renewLeases(leases, HOUR, time.now());
    assert.deepEqual(renewed.map(({ resource, fence }) => `${resource} ${fence}`).toSorted(), ["y 1", "z 1"]);
    for (const lease of renewed) time.assertEnd(lease, HOUR);
    await time.pass(time.ttl);
    assert.equal(await store.acquireLease("z", "b", time.ttl, time.now()), undefined);
    assert.deepEqual(await store.renewLeases([], HOUR, time.now()), []);
  });

  test("for no time gives the lease back", async (store, _, time) => {
    const lease = await store.acquireLease("loans", "a", HOUR, time.now());
    await time.pass(1);
    assert.ok(lease && (await store.renewLease(lease, 0, time.now())));
    assert.equal((await store.acquireLease("loans", "b", time.ttl, time.now()))?.fence, 2);
  });
}
