import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Store } from "../core/ports.ts";
import { createSimulatedClock } from "../simulation/clock.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { holdingResources } from "./resource-leases.ts";

const START = 1_000_000;

function aClaim(holder: string, resources: readonly string[]) {
  return { holder, resources, leaseMs: 3000, onWait: () => undefined, stopped: () => false };
}

describe("sagas that share a resource", () => {
  it("come one after the other, and never wait for each other in a circle", async () => {
    const saga = fc.record({
      resources: fc.subarray(["a", "b", "c", "d"], { minLength: 1 }),
      begins: fc.integer({ min: 0, max: 3000 }),
      takes: fc.integer({ min: 0, max: 9000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(saga, { minLength: 2, maxLength: 6 }), async (sagas) => {
        const ports = { clock: createSimulatedClock(START), store: createMemoryStore() };
        const busy = new Set<string>();
        let finished = 0;
        const runs = sagas.map(async ({ resources, begins, takes }, index) => {
          await ports.clock.sleep(begins);
          await holdingResources(ports, aClaim(`saga ${index}`, resources.toReversed()), async () => {
            for (const at of resources) assert.ok(!busy.has(at), `${at} is changed by two`);
            for (const at of resources) busy.add(at);
            await ports.clock.sleep(takes);
            for (const at of resources) busy.delete(at);
            finished += 1;
          });
        });
        await ports.clock.run(Promise.all(runs), { within: 600_000 });
        assert.equal(finished, sagas.length);
      }),
      { numRuns: 60 },
    );
  });

  it("give back what they held, also when the clock is set back by an hour afterwards", async () => {
    const simulated = createSimulatedClock(START);
    let offset = 3_600_000;
    const clock = { now: () => simulated.now() + offset, sleep: simulated.sleep };
    const ports = { clock, store: createMemoryStore() };
    await simulated.run(holdingResources(ports, aClaim("one", ["a"]), async () => undefined));
    offset = 0;
    let waits = 0;
    const next = { ...aClaim("two", ["a"]), onWait: () => void waits++, stopped: () => waits > 0 };
    assert.equal(await simulated.run(holdingResources(ports, next, async () => "done")), "done");
    assert.equal(waits, 0);
  });

  it("wait for nobody who shares nothing, and say once that they wait", async () => {
    const ports = { clock: createSimulatedClock(START), store: createMemoryStore() };
    let waits = 0;
    const long = holdingResources(ports, aClaim("one", ["a"]), () => ports.clock.sleep(10_000));
    const other = holdingResources(ports, aClaim("two", ["b"]), async () => ports.clock.now());
    const behind = holdingResources(ports, { ...aClaim("three", ["a", "b"]), onWait: () => void waits++ }, async () =>
      ports.clock.now(),
    );
    const [, free, later] = await ports.clock.run(Promise.all([long, other, behind]));
    assert.deepEqual([free, waits], [START, 1]);
    assert.ok(later! >= START + 10_000 && later! <= START + 10_300);
  });

  it("ask for nothing that was taken with the commit a moment ago, and keep it from others as long as they work", async () => {
    const clock = createSimulatedClock(START);
    const memory = createMemoryStore();
    let asked = 0;
    const store: Store = {
      ...memory,
      acquireLeases: (...given) => {
        asked += 1;
        return memory.acquireLeases(...given);
      },
    };
    const lease = { resources: ["target:a"], holder: "one", ttl: 3000, now: START };
    assert.deepEqual(await memory.commit([], undefined, lease), { kind: "committed", claimed: true });
    const held = holdingResources({ clock, store }, { ...aClaim("one", ["a"]), heldSince: START }, async () => {
      assert.equal(asked, 0);
      await clock.sleep(10_000);
    });
    const other = holdingResources({ clock, store: memory }, aClaim("two", ["a"]), async () => clock.now());
    const [, later] = await clock.run(Promise.all([held, other]));
    assert.ok(later! >= START + 10_000);
  });

  it("take again what was taken too long ago", async () => {
    const clock = createSimulatedClock(START);
    const store = createMemoryStore();
    await store.commit([], undefined, { resources: ["target:a"], holder: "one", ttl: 3000, now: START });
    await clock.advance(3000);
    void holdingResources({ clock, store }, aClaim("two", ["a"]), () => clock.sleep(5000));
    const late = holdingResources({ clock, store }, { ...aClaim("one", ["a"]), heldSince: START }, async () =>
      clock.now(),
    );
    assert.ok((await clock.run(late))! >= START + 8000);
  });

  it("recover without waiting for the lease that they held themselves", async () => {
    const ports = { clock: createSimulatedClock(START), store: createMemoryStore() };
    void holdingResources(ports, aClaim("one", ["a"]), () => new Promise(() => undefined));
    const again = holdingResources(ports, aClaim("one", ["a"]), async () => ports.clock.now());
    assert.equal(await ports.clock.run(again), START);
  });

  it("stop waiting when they may not act any more", async () => {
    const ports = { clock: createSimulatedClock(START), store: createMemoryStore() };
    await ports.store.acquireLeases(["target:a"], "somebody", 60_000, START);
    const claim = { ...aClaim("one", ["a"]), stopped: () => ports.clock.now() > START + 1000 };
    assert.equal(await ports.clock.run(holdingResources(ports, claim, async () => "worked")), undefined);
  });

  it("need no lease for nothing, and outlast a store that is away for a moment", async () => {
    const clock = createSimulatedClock(START);
    const store = createMemoryStore();
    let calls = 0;
    const flaky: Store = {
      ...store,
      acquireLeases: async (...given) => {
        if (++calls > 1) throw new Error("away");
        return store.acquireLeases(...given);
      },
    };
    assert.equal(await holdingResources({ clock, store: flaky }, aClaim("one", []), async () => calls), 0);
    const work = holdingResources({ clock, store: flaky }, aClaim("one", ["a"]), async () => {
      await clock.sleep(5000);
      return "worked";
    });
    assert.equal(await clock.run(work), "worked");
    assert.ok(calls > 3);
  });

  it("let an error of their work through, and their leases lapse", async () => {
    const ports = { clock: createSimulatedClock(START), store: createMemoryStore() };
    const failing = holdingResources(ports, aClaim("one", ["a"]), async () => {
      throw new Error("the disk is full");
    });
    await assert.rejects(ports.clock.run(failing), { message: "the disk is full" });
    assert.equal(await ports.store.acquireLeases(["target:a"], "two", 1, START), undefined);
    assert.ok(await ports.store.acquireLeases(["target:a"], "two", 1, START + 3000));
  });
});
