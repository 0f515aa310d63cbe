import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Store } from "../core/ports.ts";
import { createSimulatedClock, type SimulatedClock } from "../simulation/clock.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { type FenceAt, holdingResources } from "./resource-leases.ts";

const START = 1_000_000;
const SYSTEM = "system:loans";
const GUARD = { resource: SYSTEM, fence: 1 };

/** A store in which we may act. */
function createStore(): Store {
  const store = createMemoryStore();
  void store.acquireLease(SYSTEM, "us", 60_000, START);
  return store;
}

function aClaim(holder: string, resources: readonly string[]) {
  return { holder, resources, leaseMs: 3000, guard: GUARD, onWait: () => undefined, stopped: () => false };
}

async function claim(store: Store, holder: string, ttl: number, now: number) {
  const answer = await store.commit([], undefined, { resources: ["target:a"], holder, ttl, now });
  return answer.kind === "committed" ? answer.claimed : undefined;
}

/** As a step asks: again and again while another has it. */
async function waitedFor(clock: SimulatedClock, fenceAt: FenceAt, at: string, refused?: number) {
  for (;;) {
    const fence = await fenceAt(at, refused);
    if (fence !== "held") return fence;
    await clock.sleep(300);
  }
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
        const ports = { clock: createSimulatedClock(START), store: createStore() };
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
    const ports = { clock, store: createStore() };
    await simulated.run(holdingResources(ports, aClaim("one", ["a"]), async () => undefined));
    offset = 0;
    let waits = 0;
    const next = { ...aClaim("two", ["a"]), onWait: () => void waits++, stopped: () => waits > 0 };
    assert.equal(await simulated.run(holdingResources(ports, next, async () => "done")), "done");
    assert.equal(waits, 0);
  });

  it("wait for nobody who shares nothing, and say how long they have waited", async () => {
    const ports = { clock: createSimulatedClock(START), store: createStore() };
    const waits: number[] = [];
    const long = holdingResources(ports, aClaim("one", ["a"]), () => ports.clock.sleep(10_000));
    const other = holdingResources(ports, aClaim("two", ["b"]), async () => ports.clock.now());
    const behind = holdingResources(
      ports,
      { ...aClaim("three", ["a", "b"]), onWait: (waited: number) => void waits.push(waited) },
      async () => ports.clock.now(),
    );
    const [, free, later] = await ports.clock.run(Promise.all([long, other, behind]));
    assert.equal(free, START);
    assert.deepEqual(
      waits,
      Array.from({ length: waits.length }, (_, looks) => looks * 300),
    );
    assert.ok(later! >= START + 10_000 && later! <= START + 10_300);
  });

  it("ask for nothing that was taken with the commit a moment ago, and keep it from others as long as they work", async () => {
    const clock = createSimulatedClock(START);
    const memory = createStore();
    let asked = 0;
    const store: Store = {
      ...memory,
      commit: (...given) => {
        asked += 1;
        return memory.commit(...given);
      },
    };
    const leases = await claim(memory, "one", 3000, START);
    const already = { ...aClaim("one", ["a"]), held: { leases: leases!, since: START } };
    const held = holdingResources({ clock, store }, already, async (fenceAt) => {
      assert.equal(await fenceAt("a"), 2);
      assert.equal(asked, 0);
      await clock.sleep(10_000);
    });
    const other = holdingResources({ clock, store: memory }, aClaim("two", ["a"]), async () => clock.now());
    const [, later] = await clock.run(Promise.all([held, other]));
    assert.ok(later! >= START + 10_000);
  });

  it("take again what was taken too long ago", async () => {
    const clock = createSimulatedClock(START);
    const store = createStore();
    const leases = await claim(store, "one", 3000, START);
    await clock.advance(3000);
    void holdingResources({ clock, store }, aClaim("two", ["a"]), () => clock.sleep(5000));
    const already = { ...aClaim("one", ["a"]), held: { leases: leases!, since: START } };
    const late = holdingResources({ clock, store }, already, async () => clock.now());
    assert.ok((await clock.run(late))! >= START + 8000);
  });

  it("recover without waiting for the lease that they held themselves", async () => {
    const ports = { clock: createSimulatedClock(START), store: createStore() };
    void holdingResources(ports, aClaim("one", ["a"]), () => new Promise(() => undefined));
    const again = holdingResources(ports, aClaim("one", ["a"]), async () => ports.clock.now());
    assert.equal(await ports.clock.run(again), START);
  });

  it("stop waiting when they may not act any more", async () => {
    const ports = { clock: createSimulatedClock(START), store: createStore() };
    await claim(ports.store, "somebody", 60_000, START);
    const waiting = { ...aClaim("one", ["a"]), stopped: () => ports.clock.now() > START + 1000 };
    assert.equal(await ports.clock.run(holdingResources(ports, waiting, async () => "worked")), undefined);
  });

  it("need no lease for nothing, and outlast a store that is away for a moment", async () => {
    const clock = createSimulatedClock(START);
    const store = createStore();
    let calls = 0;
    const flaky: Store = {
      ...store,
      renewLeases: async () => {
        calls += 1;
        throw new Error("away");
      },
    };
    assert.equal(await holdingResources({ clock, store: flaky }, aClaim("one", []), async () => calls), 0);
    const work = holdingResources({ clock, store: flaky }, aClaim("one", ["a"]), async () => {
      await clock.sleep(5000);
      return "worked";
    });
    assert.equal(await clock.run(work), "worked");
    assert.equal(calls, 4);
  });

  it("are renewed together, by one write", async () => {
    const { clock, store } = { clock: createSimulatedClock(START), store: createStore() };
    let writes = 0;
    const counted =
      <Given extends unknown[], Answer>(write: (...given: Given) => Answer) =>
      (...given: Given) => {
        writes += 1;
        return write(...given);
      };
    const { renewLease, renewLeases } = store;
    const counting: Store = { ...store, renewLease: counted(renewLease), renewLeases: counted(renewLeases) };
    const many = Array.from({ length: 8 }, (_, n) => `target ${n}`);
    const work = holdingResources({ clock, store: counting }, aClaim("one", many), () => clock.sleep(10_500));
    await clock.run(work);
    assert.equal(writes, 10);
  });

  it("let an error of their work through, and their leases lapse", async () => {
    const ports = { clock: createSimulatedClock(START), store: createStore() };
    const failing = holdingResources(ports, aClaim("one", ["a"]), async () => {
      throw new Error("the disk is full");
    });
    await assert.rejects(ports.clock.run(failing), { message: "the disk is full" });
    assert.equal(await claim(ports.store, "two", 1, START), undefined);
    assert.ok(await claim(ports.store, "two", 1, START + 3000));
  });

  it("take nothing once another acts on their system, under whatever name", async () => {
    const ports = { clock: createSimulatedClock(START), store: createStore() };
    await ports.store.acquireLease(SYSTEM, "us", 60_000, START);
    assert.equal(await ports.clock.run(holdingResources(ports, aClaim("one", ["a"]), async () => "worked")), undefined);
    assert.equal((await claim(ports.store, "two", 1, START))?.[0]?.fence, 3);
  });

  it("send nothing while another has what ended meanwhile, and go on under a greater fence", async () => {
    const ports = { clock: createSimulatedClock(START), store: createStore() };
    const { clock, store } = ports;
    let away = false;
    const flaky: Store = {
      ...store,
      renewLeases: (...given) => (away ? Promise.reject(new Error("away")) : store.renewLeases(...given)),
    };
    const waits: number[] = [];
    const told = { ...aClaim("one", ["a", "b"]), onWait: (waited: number) => void waits.push(waited) };
    const fences = holdingResources({ clock, store: flaky }, told, async (fenceAt) => {
      const first = await fenceAt("a");
      away = true;
      await clock.sleep(4500);
      const other = (await claim(store, "two", 10_000, clock.now()))![0]!.fence;
      away = false;
      await clock.sleep(1500);
      assert.deepEqual([waits, clock.now()], [[], START + 6000]);
      const both = () => Promise.all([fenceAt("a"), fenceAt("b")]);
      assert.deepEqual(
        [await both(), await both()],
        [
          ["held", "held"],
          ["held", "held"],
        ],
      );
      const later = await Promise.all(["a", "b"].map((at) => waitedFor(clock, fenceAt, at)));
      return [first, other, ...later];
    });
    assert.deepEqual(await clock.run(fences), [2, 3, 4, 4]);
    assert.equal(waits[0], 0);
    assert.ok(waits.at(-1)! > 8000);
    assert.ok(clock.now() >= START + 14_500);
  });

  it("find out at once what ended meanwhile, when a target has seen a newer fence", async () => {
    const ports = { clock: createSimulatedClock(START), store: createStore() };
    const fences = holdingResources(ports, aClaim("one", ["a"]), async (fenceAt) => {
      const first = (await fenceAt("a")) as number;
      assert.equal(await fenceAt("a", first), first, "no saga of ours: it is still the newest here");
      await claim(ports.store, "two", 0, START + 3000);
      return [first, await waitedFor(ports.clock, fenceAt, "a", first)];
    });
    assert.deepEqual(await ports.clock.run(fences), [2, 4]);
  });

  it("take what was lost once for all steps that are refused, and say so when they may not act any more", async () => {
    const { clock, store } = { clock: createSimulatedClock(START), store: createStore() };
    const slow: Store = {
      ...store,
      renewLease: async (lease, ...given) => {
        if (lease.resource === "target:b") await clock.sleep(500);
        return store.renewLease(lease, ...given);
      },
    };
    let stopped = false;
    const told = { ...aClaim("one", ["a", "b"]), stopped: () => stopped };
    const work = holdingResources({ clock, store: slow }, told, async (fenceAt) => {
      assert.deepEqual([await fenceAt("a"), await fenceAt("b")], [2, 2]);
      // By a clock that is ahead: it is over for us.
      const both = { resources: ["target:a", "target:b"], holder: "two", ttl: -3000, now: START + 3000 };
      assert.equal((await store.commit([], undefined, both)).kind, "committed");
      const fences = await Promise.all([fenceAt("a", 2), fenceAt("b", 2)]);
      assert.deepEqual([...fences, await fenceAt("a")], [4, 4, 4]);
      await store.commit([], undefined, { ...both, ttl: 60_000, now: START + 9000 });
      stopped = true;
      return { last: await fenceAt("a", 4) };
    });
    assert.deepEqual(await clock.run(work), { last: undefined });
  });

  it("take nothing again once their work is over, also when it ended in an error", async () => {
    const ports = { clock: createSimulatedClock(START), store: createStore() };
    let late: Promise<unknown> = Promise.resolve();
    const failing = holdingResources(ports, aClaim("one", ["a"]), async (fenceAt) => {
      await claim(ports.store, "two", 10_000, START + 3000);
      assert.equal(await fenceAt("a", 2), "held");
      late = ports.clock.sleep(20_000).then(() => fenceAt("a"));
      throw new Error("the disk is full");
    });
    await assert.rejects(ports.clock.run(failing), { message: "the disk is full" });
    assert.equal(await ports.clock.run(late), undefined);
    assert.equal((await claim(ports.store, "three", 1, ports.clock.now()))?.[0]?.fence, 4, "nobody came between");
  });

  it("ask again for what could not be had again because the store was away", async () => {
    const { clock, store } = { clock: createSimulatedClock(START), store: createStore() };
    let away = false;
    const commit: Store["commit"] = (...given) => (away ? Promise.reject(new Error("away")) : store.commit(...given));
    const fences = holdingResources({ clock, store: { ...store, commit } }, aClaim("one", ["a"]), async (fenceAt) => {
      const first = (await fenceAt("a")) as number;
      await claim(store, "two", 0, START + 3000);
      away = true;
      await assert.rejects(fenceAt("a", first), { message: "away" });
      await assert.rejects(fenceAt("a"), { message: "away" });
      away = false;
      return waitedFor(clock, fenceAt, "a");
    });
    assert.equal(await clock.run(fences), 4);
  });

  it("begin without what they have waited enough for, and take it once it is free", async () => {
    const ports = { clock: createSimulatedClock(START), store: createStore() };
    await claim(ports.store, "another", 10_000, START);
    const waits: number[] = [];
    const patient = {
      ...aClaim("one", ["a"]),
      onWait: (waited: number) => void waits.push(waited),
      enough: (waited: number) => waited >= 600,
    };
    const fences = holdingResources(ports, patient, async (fenceAt) => {
      const began = ports.clock.now() - START;
      return [began, await fenceAt("a"), await waitedFor(ports.clock, fenceAt, "a"), await fenceAt("a")];
    });
    assert.deepEqual(await ports.clock.run(fences), [600, "held", 3, 3]);
    assert.deepEqual(waits.slice(0, 5), [0, 300, 600, 600, 900]);
    assert.ok(ports.clock.now() >= START + 10_000);
  });
});
