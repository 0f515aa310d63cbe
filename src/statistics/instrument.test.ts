import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addDispersion,
  compareDelays,
  type DispersionSums,
  dispersionOf,
  mergeDispersion,
  NO_DISPERSION,
} from "./index.ts";
import { draw, seeded } from "./published.fixture.ts";

/** Pairs of buckets whose bad outcomes come in bursts of this size. */
function bursts(pairs: number, size: number, rate: (pair: number) => number, seed: number): DispersionSums {
  const random = seeded(seed);
  const bucket = (pair: number) => ({
    n: 1000,
    k: Math.min(1000, size * draw(random, Math.floor(1000 / size), rate(pair))),
  });
  let sums = NO_DISPERSION;
  for (let pair = 0; pair < pairs; pair++) sums = addDispersion(sums, bucket(pair), bucket(pair));
  return sums;
}

test("independent outcomes have a dispersion of 1, through a daily cycle and an outage too", () => {
  const calm = dispersionOf(bursts(600, 1, () => 0.005, 81));
  assert.ok(Math.abs(calm.factor - 1) < 0.15 && calm.atLeast < 1.05, JSON.stringify(calm));
  const stormy = dispersionOf(bursts(600, 1, (pair) => (pair > 500 ? 0.2 : 0.005 + 0.004 * Math.sin(pair / 30)), 82));
  assert.ok(Math.abs(stormy.factor - 1) < 0.25 && stormy.atLeast <= 1, JSON.stringify(stormy));
});

test("bursts of two and of five show as such", () => {
  for (const size of [2, 5]) {
    const found = dispersionOf(bursts(600, size, () => 0.01, 83));
    assert.ok(Math.abs(found.factor / size - 1) < 0.25, JSON.stringify(found));
    assert.ok(found.atLeast > 1.2 && found.atLeast < found.factor);
  }
});

test("a dispersion's bound fails about as rarely as it says", () => {
  let wrong = 0;
  for (let seed = 0; seed < 150; seed++) if (dispersionOf(bursts(60, 1, () => 0.006, 900 + seed)).atLeast > 1) wrong++;
  // 150 runs at 1 %, and an approximation.
  assert.ok(wrong <= 8, String(wrong));
});

test("dispersion merges, and pairs that say nothing change nothing", () => {
  const one = bursts(20, 2, () => 0.01, 84);
  const two = bursts(20, 1, () => 0.01, 85);
  assert.equal(mergeDispersion(one, two).pairs, one.pairs + two.pairs);
  assert.equal(addDispersion(one, { n: 10, k: 1 }, { n: 10, k: 0 }), one);
  assert.equal(addDispersion(one, { n: 0, k: 0 }, { n: 10, k: 5 }), one);
  assert.equal(addDispersion(one, { n: 10, k: 10 }, { n: 10, k: 10 }), one);
  assert.deepEqual(dispersionOf(NO_DISPERSION), { factor: 1, atLeast: 0, pairs: 0 });
  assert.equal(dispersionOf(addDispersion(NO_DISPERSION, { n: 10, k: 4 }, { n: 10, k: 0 })).atLeast, 0);
});

/** Labels of so many requests, each within a step of an exponential delay of this mean; the last step holds the rest. */
function labels(random: () => number, n: number, mean: number): readonly number[] {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) counts[Math.min(3, Math.floor((-mean * Math.log(1 - random())) / 60))]! += 1;
  return counts;
}

test("labels of one arm that come twice as fast are told apart; equally fast ones are not", () => {
  const random = seeded(91);
  const usual = labels(random, 20_000, 120).map((count) => count / 20_000);
  const run = (mean: number, lump = 1) => {
    const comparison = compareDelays({ usual, lump });
    assert.equal(comparison.log(), 0);
    for (let bucket = 0; bucket < 40; bucket++) {
      comparison.add({ candidate: labels(random, 10, mean), reference: labels(random, 90, 120) });
    }
    return comparison.log();
  };
  assert.ok(run(60) > Math.log(1000));
  assert.ok(run(300) > Math.log(1000));
  for (let i = 0; i < 10; i++) assert.ok(run(120) < Math.log(100));
  assert.ok(run(60, 20) < Math.log(1000), "labels that may belong together are less evidence");
  assert.throws(() => compareDelays({ usual: [1] }), RangeError);
  assert.throws(() => compareDelays({ usual: [0.5, 0.5], tolerance: 0.5 }), RangeError);
  assert.throws(() => compareDelays({ usual: [0.5, 0.5], lump: 0.5 }), RangeError);
});
