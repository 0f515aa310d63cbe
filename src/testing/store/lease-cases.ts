import assert from "node:assert/strict";
import { describe } from "node:test";
import { NOON, TTL } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

export function leaseCases(cases: Cases): void {
  describe("a lease", () => takingCases(cases));
  describe("a renewal", () => renewalCases(cases));
}

function takingCases({ test }: Cases): void {
  test("is given for a free resource with its first fence and its end", async (store) => {
    assert.deepEqual(await store.acquireLease("loans", "a", TTL, NOON), {
      resource: "loans",
      holder: "a",
      fence: 1,
      until: NOON + TTL,
    });
  });

  test("is refused to another holder while it lasts", async (store) => {
    await store.acquireLease("loans", "a", TTL, NOON);
    assert.equal(await store.acquireLease("loans", "b", TTL, NOON + TTL - 1), undefined);
  });

  test("is taken over at the moment that it ends, with a greater fence", async (store) => {
    await store.acquireLease("loans", "a", TTL, NOON);
    const taken = await store.acquireLease("loans", "b", TTL, NOON + TTL);
    assert.deepEqual(taken, { resource: "loans", holder: "b", fence: 2, until: NOON + 2 * TTL });
  });

  test("is taken again by its holder before its end, with a greater fence", async (store) => {
    await store.acquireLease("loans", "a", TTL, NOON);
    assert.equal((await store.acquireLease("loans", "a", TTL, NOON + 1))?.fence, 2);
  });

  test("does not lose its fence through refused attempts", async (store) => {
    const lease = await store.acquireLease("loans", "a", TTL, NOON);
    for (let attempt = 0; attempt < 5; attempt += 1) await store.acquireLease("loans", "b", TTL, NOON + attempt);
    assert.ok(lease && (await store.renewLease(lease, TTL, NOON + 10)));
  });

  test("grows its fence with every take-over and never repeats one", async (store) => {
    const fences: number[] = [];
    for (let turn = 0; turn < 10; turn += 1) {
      const lease = await store.acquireLease("loans", `holder-${turn % 3}`, TTL, NOON + turn * TTL);
      fences.push(lease?.fence ?? 0);
    }
    assert.deepEqual(fences, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test("is not stolen by a clock that was set back", async (store) => {
    await store.acquireLease("loans", "a", TTL, NOON);
    assert.equal(await store.acquireLease("loans", "b", TTL, NOON - 3_600_000), undefined);
  });

  test("of one resource says nothing about another", async (store) => {
    await store.acquireLease("loans", "a", TTL, NOON);
    assert.equal((await store.acquireLease("fraud", "b", TTL, NOON))?.fence, 1);
  });

  test("goes to exactly one of many that ask at once", async (store) => {
    const holders = Array.from({ length: 20 }, (_, place) => `holder-${place}`);
    const leases = await Promise.all(holders.map((holder) => store.acquireLease("loans", holder, TTL, NOON)));
    assert.equal(leases.filter((lease) => lease !== undefined).length, 1);
  });
}

function renewalCases({ test }: Cases): void {
  test("moves the end and keeps the fence", async (store) => {
    const lease = await store.acquireLease("loans", "a", TTL, NOON);
    assert.ok(lease);
    assert.deepEqual(await store.renewLease(lease, TTL, NOON + 1000), { ...lease, until: NOON + 1000 + TTL });
    assert.equal(await store.acquireLease("loans", "b", TTL, NOON + TTL + 999), undefined);
  });

  test("of a lease that another one took is refused and leaves it alone", async (store) => {
    const lost = await store.acquireLease("loans", "a", TTL, NOON);
    const taken = await store.acquireLease("loans", "b", TTL, NOON + TTL);
    assert.ok(lost && taken);
    assert.equal(await store.renewLease(lost, 100 * TTL, NOON + TTL), undefined);
    assert.equal((await store.acquireLease("loans", "c", TTL, taken.until))?.fence, 3);
  });

  test("of a lease that ended but that nobody took goes through", async (store) => {
    const lease = await store.acquireLease("loans", "a", TTL, NOON);
    assert.equal((lease && (await store.renewLease(lease, TTL, NOON + 10 * TTL)))?.fence, 1);
  });

  test("of a lease that was never given is refused", async (store) => {
    const invented = { resource: "loans", holder: "a", fence: 1, until: NOON };
    assert.equal(await store.renewLease(invented, TTL, NOON), undefined);
  });

  test("with somebody else's fence is refused", async (store) => {
    const lease = await store.acquireLease("loans", "a", TTL, NOON);
    assert.equal(lease && (await store.renewLease({ ...lease, holder: "b" }, TTL, NOON)), undefined);
  });

  test("for no time gives the lease back", async (store) => {
    const lease = await store.acquireLease("loans", "a", TTL, NOON);
    assert.ok(lease && (await store.renewLease(lease, 0, NOON + 1)));
    assert.equal((await store.acquireLease("loans", "b", TTL, NOON + 1))?.fence, 2);
  });
}
