import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { type Exchange, type GivenOrder, MOST_POSTS } from "../core/exchange.ts";
import type { Store } from "../core/ports.ts";
import { aRollout, aRoute, aSample } from "./store/fixtures.ts";

/** A store with its exchange, as one of several replicas has them. */
export interface ExchangeWorld {
  readonly store: Store;
  readonly exchange: Exchange;
  readonly now: () => number;
  readonly pause: (span: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

const HOUR = 3_600_000;
const order = (id: string, system = "loans"): GivenOrder => ({
  id,
  system,
  operation: "pause",
  input: { reason: "ü \u0000" },
  by: "ann",
});

/** The contract of `Exchange` as node:test cases. `open` opens another replica of the same place. */
export function describeExchange(name: string, open: (place: string) => Promise<ExchangeWorld>): void {
  let places = 0;
  const test = (what: string, body: (world: ExchangeWorld, other: ExchangeWorld) => Promise<void>) =>
    it(what, async () => {
      places += 1;
      const [world, other] = [await open(`exchange_${places}`), await open(`exchange_${places}`)];
      try {
        await body(world, other);
      } finally {
        await world.close();
        await other.close();
      }
    });
  const held = async ({ store, now }: ExchangeWorld, holder = "a", system = "loans") =>
    (await store.acquireLease(`system:${system}`, holder, HOUR, now()))!;

  describe(`${name} is an exchange`, () => {
    test("renews what carries its fence, and nothing else", async (world, other) => {
      const old = await held(world);
      const lease = await held(world);
      const fraud = await held(world, "a", "fraud");
      const renewed = await other.exchange.renew(
        [old, lease, fraud, { ...lease, holder: "b" }].map((one) => ({ lease: one })),
        HOUR,
      );
      assert.deepEqual(renewed.map(({ resource, fence }) => `${resource} ${fence - fraud.fence}`).sort(), [
        "system:fraud 0",
        "system:loans 1",
      ]);
    });

    test("gives a lease back before its time, for its own holder only", async (world, other) => {
      const lease = await held(world);
      await other.exchange.free({ ...lease, fence: lease.fence + 1 });
      assert.equal(await other.store.acquireLease("system:loans", "b", HOUR, other.now()), undefined);
      await world.exchange.free(lease);
      assert.ok((await held(other, "b")).fence > lease.fence);
    });

    test("shows how systems stand: route, holder, what is left, and how old the share's renewal is", async (world, other) => {
      const { now, systems } = await world.exchange.look(["loans"]);
      assert.deepEqual(systems, [{ system: "loans", fence: 0, left: 0 }]);
      assert.ok(Math.abs(now - world.now()) < 60_000);
      const lease = await held(world);
      const route = aRoute(4, { candidate: digestOf("c"), candidatePpm: 5 });
      await world.store.commit([
        { kind: "route", route },
        { kind: "rollout", rollout: aRollout("1", { system: "loans", startedAt: 1 }) },
        { kind: "rollout", rollout: aRollout("2", { system: "loans", startedAt: 2 }) },
        { kind: "rollout", rollout: aRollout("3", { system: "fraud", startedAt: 3 }) },
      ]);
      const [view] = (await other.exchange.look(["loans"])).systems;
      assert.deepEqual([view?.route, view?.rollout, view?.holder, view?.fence], [route, "2", "a", lease.fence]);
      assert.ok(view!.left > HOUR / 2 && view!.left <= HOUR && view?.exposedFor === undefined);
      await world.exchange.renew([{ lease, exposedFor: 400 }], HOUR);
      const exposed = (await other.exchange.look(["loans"])).systems[0]?.exposedFor ?? 0;
      assert.ok(exposed >= 400 && exposed < 5000, `${exposed}`);
      await world.exchange.renew([{ lease }], HOUR);
      assert.ok((await other.exchange.look(["loans"])).systems[0]!.exposedFor! >= exposed);
      await world.exchange.free(lease);
      await held(other, "b");
      assert.equal((await world.exchange.look(["loans"])).systems[0]?.exposedFor, undefined, "of another holder");
    });

    test("keeps an order until it is answered, once", async (world, other) => {
      const lease = await held(world);
      for (const one of [order("1"), order("1"), order("2", "fraud"), order("3")]) await world.exchange.give(one);
      const open = async () => (await other.exchange.look(["loans"])).orders;
      assert.deepEqual(await open(), [
        { ...order("1"), taken: false },
        { ...order("3"), taken: false },
      ]);
      assert.equal(await other.exchange.begin("1", lease), true);
      assert.deepEqual((await open())[0], { ...order("1"), taken: true });
      assert.equal(await world.exchange.answerTo("1"), undefined);
      await other.exchange.answer("1", { output: null });
      await other.exchange.answer("1", { output: "again" });
      assert.deepEqual(await world.exchange.answerTo("1"), { output: null });
      assert.equal(await other.exchange.begin("1", lease), false);
      assert.deepEqual(await open(), [{ ...order("3"), taken: false }]);
    });

    test("lets nobody begin an order whose fence is not the newest", async (world, other) => {
      const old = await held(world);
      await world.exchange.give(order("1"));
      const lease = await held(other, "a");
      assert.equal(await other.exchange.begin("1", lease), true);
      assert.equal(await world.exchange.begin("1", old), false);
      assert.equal(await other.exchange.begin("1", lease), true);
    });

    test("brings counts to whoever asks, until they are taken away", async (world, other) => {
      const samples = [aSample({ sequence: 1 }), aSample({ sequence: 2 })];
      await world.exchange.post([
        { system: "loans", samples },
        { system: "fraud", samples: [aSample({ sequence: 3 })] },
      ]);
      await world.exchange.post([{ system: "loans", samples: [aSample({ sequence: 4 })] }]);
      const posts = await other.exchange.collect(["loans"], []);
      assert.deepEqual(
        posts.map((post) => post.samples),
        [samples, [aSample({ sequence: 4 })]],
      );
      const rest = await other.exchange.collect(["loans", "fraud"], [posts[0]!.id]);
      assert.deepEqual(
        rest.map((post) => post.samples),
        [[aSample({ sequence: 3 })], [aSample({ sequence: 4 })]],
      );
    });

    test("brings a bounded number of posts at once, the oldest first", async (world, other) => {
      const post = (sequence: number) => ({ system: "loans", samples: [aSample({ sequence })] });
      await world.exchange.post(Array.from({ length: MOST_POSTS + 1 }, (_, sequence) => post(sequence)));
      const posts = await other.exchange.collect(["loans"], []);
      assert.deepEqual([posts.length, posts[0]?.samples[0]?.sequence], [MOST_POSTS, 0]);
      const done = posts.map(({ id }) => id);
      const [last, ...more] = await other.exchange.collect(["loans"], done);
      assert.deepEqual([last?.samples[0]?.sequence, more], [MOST_POSTS, []]);
    });

    test("tells news to the others, in order", async (world, other) => {
      await world.exchange.tell("a", [{ text: "one" }, { text: "two" }]);
      await other.exchange.tell("b", [{ text: "three" }]);
      const told = await other.exchange.told("b", 0);
      assert.deepEqual(
        told.map(({ event }) => event),
        [{ text: "one" }, { text: "two" }],
      );
      assert.deepEqual(
        (await other.exchange.told("c", told[0]!.number)).map(({ event }) => event),
        [{ text: "two" }, { text: "three" }],
      );
    });

    test("agrees on what was said first", async (world, other) => {
      const said = await Promise.all([world.exchange.agree("key", "a"), other.exchange.agree("key", "b")]);
      assert.equal(said[0], said[1]);
      assert.equal(await other.exchange.agree("key", "c"), said[0]);
      assert.equal(await other.exchange.agree("other", "c"), "c");
    });

    test("hints reach every replica", async (world, other) => {
      const over = new AbortController();
      let hints = 0;
      other.exchange.onHint(() => {
        hints += 1;
      }, over.signal);
      for (let tries = 0; hints < 3 && tries < 200; tries += 1) {
        world.exchange.hint();
        await world.pause(10);
      }
      over.abort();
      assert.ok(hints >= 3);
    });
  });
}
