import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Sample } from "../core/sample.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { createStableHours } from "./stable-hours.ts";
import { candidate, playbook, START, stable } from "./world.fixture.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WEEK = 7 * 24 * HOUR;

function aWorld() {
  const store = createMemoryStore();
  let now = START;
  let away = false;
  let writes = 0;
  const commit: typeof store.commit = async (changes) => {
    if (away) throw new Error("the disk is full");
    writes += 1;
    return store.commit(changes);
  };
  const clock = { now: () => now, sleep: async () => undefined };
  return {
    store,
    start: () => createStableHours({ store: { ...store, commit }, clock }, playbook),
    pass: (span: number) => {
      now += span;
    },
    setAway: (is: boolean) => {
      away = is;
    },
    writes: () => writes,
    sample: (n: number, k: number, fields: Partial<Sample> = {}): Sample => {
      return { node: "n", sequence: now, bucket: now, signal: "losses", release: stable.id, n, k, ...fields };
    },
  };
}

describe("stable's hours", () => {
  it("are written once a minute at most, and when an hour is over", async () => {
    const { start, sample, pass, writes, store } = aWorld();
    const hours = start();
    for (let tick = 0; tick < 240; tick++) {
      hours.count([sample(10, 1)], stable.id);
      await hours.keep();
      pass(1000);
    }
    assert.equal(writes(), 4);
    pass(HOUR - 241_000);
    await hours.keep();
    hours.count([sample(10, 1)], stable.id);
    pass(1000);
    await hours.keep();
    assert.deepEqual(
      (await store.seasons("loans")).map(({ hour, n }) => [hour, n]),
      [[START, 2410]],
    );
    const before = writes();
    for (let tick = 0; tick < 100; tick++) await hours.keep();
    assert.equal(writes(), before, "nothing changed");
  });

  it("are the same after a restart in the middle of an hour, and counts of others are none of them", async () => {
    const { start, sample, pass, store } = aWorld();
    const first = start();
    first.count([sample(600, 6), sample(600, 600, { release: candidate.id })], stable.id);
    await first.keep();
    pass(MINUTE);
    const second = start();
    second.count([sample(500, 4)], stable.id);
    await second.keep();
    assert.deepEqual(await store.seasons("loans"), [{ hour: START, signal: "losses", n: 1100, k: 10 }]);
    pass(WEEK);
    const third = start();
    await third.keep();
    const window = { signal: "losses", n: 999, k: 80 };
    assert.deepEqual(third.orSeason([window]), [{ signal: "losses", n: 1100, k: 10, season: START }]);
    assert.deepEqual(third.orSeason([{ ...window, n: 1000 }]), [{ ...window, n: 1000 }]);
    assert.deepEqual(third.orSeason([{ ...window, signal: "leaks" }]), [{ ...window, signal: "leaks" }]);
  });

  it("that another replica counted meanwhile are kept by one that watches again", async () => {
    const { start, sample, pass, store } = aWorld();
    const [one, other] = [start(), start()];
    for (const [hours, n] of [
      [one, 100],
      [other, 20],
      [one, 3],
    ] as const) {
      hours.begin();
      hours.count([sample(n, 1)], stable.id);
      await hours.keep();
      pass(MINUTE);
    }
    assert.deepEqual(await store.seasons("loans"), [{ hour: START, signal: "losses", n: 123, k: 3 }]);
  });

  it("that could not be written are written later, and those of four weeks ago are forgotten", async () => {
    const { start, sample, pass, setAway, store } = aWorld();
    const hours = start();
    hours.count([sample(10, 1)], stable.id);
    setAway(true);
    await assert.rejects(hours.keep(), /the disk is full/);
    setAway(false);
    await hours.keep();
    assert.deepEqual(await store.seasons("loans"), []);
    pass(MINUTE);
    await hours.keep();
    assert.equal((await store.seasons("loans")).length, 1);
    pass(4 * WEEK);
    hours.count([sample(10, 1)], stable.id);
    await hours.keep();
    assert.deepEqual(
      (await store.seasons("loans")).map(({ hour }) => hour),
      [START + 4 * WEEK],
    );
  });
});
