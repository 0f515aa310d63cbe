import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { runs } from "../testing/runs.fixture.ts";
import { type Block, createLateEvidence, type Design, harmDesign, increments, planStarts } from "./index.ts";
import { FIRST, GRAIN, startShares } from "./late-evidence.ts";
import { draw, seeded } from "./published.fixture.ts";
import { logSumExp, mixture } from "./recursion.ts";

const tilt = harmDesign({ form: "poisson-tilt", null: { ratio: 1, points: 0 }, forecast: 0.005 });
const projected = harmDesign({ form: "projected-bernoulli", null: { ratio: 1, points: 0.02 }, forecast: 0.4 });

function evidenceOf(design: Design, intervals: number, blocks: readonly { at: number; block: Block }[]): number {
  const evidence = createLateEvidence(design, planStarts(intervals));
  for (const { at, block } of blocks) evidence.add(at, increments(design, block));
  return evidence.log();
}

/** Every start by itself: slow, and plainly what the evidence is meant to be. */
function byStarts(design: Design, intervals: number, blocks: readonly { at: number; block: Block }[]): number {
  const plan = planStarts(intervals);
  const share = startShares(plan);
  const place = (at: number) => Math.min(plan.intervals - 1, at);
  const logs: number[] = [];
  for (let start = 0; start < plan.intervals; start++) {
    design.alternatives.forEach((one, j) => {
      const weight = start === 0 ? one.weight : start % plan.perMark === 0 ? one.atMarks : one.between;
      if (weight * share(start) === 0) return;
      const since = blocks.filter(({ at }) => place(at) >= start);
      const total = since.reduce(
        (sum, { block }) => sum + Math.floor(increments(design, block)[j]! / GRAIN) * GRAIN,
        0,
      );
      logs.push(Math.log(weight * share(start)) + total);
    });
  }
  return logSumExp(logs);
}

const count = fc.nat(12).chain((n) => fc.record({ n: fc.constant(n), k: fc.nat(n) }));
const anyBlock = fc.record({ a: count, b: count }).map(({ a, b }) => ({ n1: a.n, k1: a.k, n0: b.n, k0: b.k }));
const stream = fc.array(fc.record({ at: fc.nat(50), block: anyBlock }), { minLength: 1, maxLength: 15 });

test("late evidence is the sum over its starts, whatever the length of the plan", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(tilt, projected),
      fc.constantFrom(1, 2, 5, 6, 7, 12, 40),
      stream,
      (design, length, blocks) => {
        const expected = byStarts(design, length, blocks);
        assert.ok(Math.abs(evidenceOf(design, length, blocks) - expected) <= 1e-9 * Math.max(1, Math.abs(expected)));
      },
    ),
    { seed: 1, numRuns: runs(10) },
  );
});

test("the order of blocks, and looking in between, change no bit", () => {
  fc.assert(
    fc.property(stream, fc.nat(), (blocks, seed) => {
      const random = seeded(seed);
      const shuffled = blocks.map((block) => ({ block, key: random() })).sort((a, b) => a.key - b.key);
      const looked = createLateEvidence(tilt, planStarts(40));
      for (const { block } of shuffled) {
        looked.add(block.at, increments(tilt, block.block));
        looked.log();
      }
      assert.equal(looked.log(), evidenceOf(tilt, 40, blocks));
    }),
    { seed: 2, numRuns: runs(60) },
  );
});

test("one more bad outcome never lowers it, in whatever interval it was", () => {
  fc.assert(
    fc.property(stream, fc.nat(), (blocks, which) => {
      const at = which % blocks.length;
      const worse = blocks.map((one, index) =>
        index === at ? { ...one, block: { ...one.block, n1: one.block.n1 + 1, k1: one.block.k1 + 1 } } : one,
      );
      assert.ok(evidenceOf(tilt, 40, worse) >= evidenceOf(tilt, 40, blocks) - 1e-9);
    }),
    { seed: 3, numRuns: runs(60) },
  );
});

test("shares sum to 1 and are never negative; the weights of alternatives sum to 1 in each column", () => {
  for (const buckets of [1, 2, 5, 6, 7, 60, 361, 86_400]) {
    const plan = planStarts(buckets);
    const share = startShares(plan);
    const shares = Array.from({ length: plan.intervals + 3 }, (_, interval) => share(interval));
    assert.ok(Math.abs(shares.reduce((a, b) => a + b) - 1) < 1e-12 && shares.every((one) => one >= 0));
  }
  for (const column of ["weight", "atMarks", "between"] as const) {
    assert.ok(Math.abs(tilt.alternatives.reduce((sum, one) => sum + one[column], 0) - 1) < 1e-12);
  }
  assert.throws(() => planStarts(0), RangeError);
});

test("before the first block nothing is known; before the first interval counts as in it", () => {
  const evidence = createLateEvidence(tilt, planStarts(60));
  assert.equal(evidence.log(), 0);
  evidence.add(-5, increments(tilt, { n1: 50, k1: 0, n0: 950, k0: 5 }));
  assert.ok(Number.isFinite(evidence.log()));
});

test("without the first start it has the later ones' shares alone", () => {
  const blocks = [0, 3, 30].map((at) => ({ at, block: { n1: 50, k1: 3, n0: 950, k0: 5 } }));
  const plan = planStarts(60);
  const [whole, later] = [createLateEvidence(tilt, plan), createLateEvidence(tilt, { ...plan, laterOnly: true })];
  assert.ok(Math.abs(later.log() - Math.log(1 - FIRST)) < 1e-9);
  for (const { at, block } of blocks) for (const one of [whole, later]) one.add(at, increments(tilt, block));
  const totals = tilt.alternatives.map((_, j) =>
    blocks.reduce((sum, { block }) => sum + increments(tilt, block)[j]!, 0),
  );
  const first = Math.log(FIRST) + mixture(tilt, totals);
  assert.ok(Math.abs(Math.exp(whole.log()) - Math.exp(later.log()) - Math.exp(first)) < 1e-6 * Math.exp(whole.log()));
  assert.equal(createLateEvidence(tilt, { ...planStarts(1), laterOnly: true }).log(), -Number.MAX_VALUE);
});

test("a healthy day of a billion observations leaves it alive for the fault that follows", () => {
  const evidence = createLateEvidence(tilt, planStarts(86_400));
  const healthy = increments(tilt, { n1: 139_000, k1: 695, n0: 2_640_000, k0: 13_200 });
  for (let interval = 0; interval < 359; interval++) evidence.add(interval, healthy);
  assert.ok(evidence.log() > -10 && evidence.log() < 3);
  evidence.add(359, increments(tilt, { n1: 3000, k1: 60, n0: 57_000, k0: 285 }));
  assert.ok(evidence.log() > Math.log(1000));
});

test("healthy lives are ended no more often than alpha allows, and late faults soon", () => {
  const random = seeded(21);
  const alpha = 0.05;
  let alarms = 0;
  for (let run = 0; run < 100; run++) {
    const evidence = createLateEvidence(tilt, planStarts(60));
    for (let second = 0; second < 60; second++) {
      evidence.add(
        second,
        increments(tilt, { n1: 50, k1: draw(random, 50, 0.005), n0: 950, k0: draw(random, 950, 0.005) }),
      );
      if (evidence.log() < Math.log(1 / alpha)) continue;
      alarms++;
      break;
    }
  }
  // 100 runs at 5 %: three standard errors are 6.5 points.
  assert.ok(alarms <= 100 * (alpha + 0.065), `${alarms} of 100`);
});
