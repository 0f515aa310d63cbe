import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  advance,
  attribute,
  type Block,
  combine,
  harmDesign,
  increments,
  logEvidence,
  mixture,
  type RecursionState,
  safetyDesign,
  spending,
  startRecursion,
} from "./index.ts";
import { draw, seeded } from "./published.fixture.ts";
import { logSumExp } from "./recursion.ts";

const tilt = harmDesign({ form: "poisson-tilt", null: { ratio: 1, points: 0 }, forecast: 0.005 });
const projected = harmDesign({ form: "projected-bernoulli", null: { ratio: 0.95, points: 0.05 }, forecast: 0.4 });

/** Serves blocks until the evidence passes 1/alpha; answers the bad candidate outcomes served, undefined for never. */
function badUntilAlarm(
  design: typeof tilt,
  alpha: number,
  weight: (index: number) => number,
  next: (index: number) => Block,
  blocks: number,
): number | undefined {
  let state = startRecursion(design);
  let bad = 0;
  for (let i = 0; i < blocks; i++) {
    const block = next(i);
    bad += block.k1;
    state = advance(state, design, increments(design, block), weight(i));
    if (logEvidence(state) >= Math.log(1 / alpha)) return bad;
  }
  return undefined;
}

const count = fc.nat(12).chain((n) => fc.record({ n: fc.constant(n), k: fc.nat(n) }));
const anyBlock = fc.record({ a: count, b: count }).map(({ a, b }) => ({ n1: a.n, k1: a.k, n0: b.n, k0: b.k }));

test("the recursion is the plain mixture when only the first start carries weight", () => {
  fc.assert(
    fc.property(fc.constantFrom(tilt, projected), fc.array(anyBlock, { maxLength: 30 }), (design, blocks) => {
      const totals = new Float64Array(design.alternatives.length);
      let state = advance(startRecursion(design), design, totals, 1);
      for (const block of blocks) {
        const step = increments(design, block);
        step.forEach((log, index) => {
          totals[index]! += log;
        });
        state = advance(state, design, step, 0);
      }
      const plain = mixture(design, totals);
      assert.ok(Math.abs(logEvidence(state) - plain) <= 1e-9 * Math.max(1, Math.abs(plain)));
    }),
    { seed: 4, numRuns: 100 },
  );
});

test("the recursion is the sum over its starts", () => {
  const random = seeded(5);
  const steps = Array.from({ length: 20 }, () =>
    increments(tilt, { n1: 20, k1: draw(random, 20, 0.1), n0: 80, k0: draw(random, 80, 0.05) }),
  );
  const weight = spending({ starts: 8 });
  const state = steps.reduce<RecursionState>((at, step, i) => advance(at, tilt, step, weight(i)), startRecursion(tilt));
  const sums = steps.slice(0, 9).map((_, from) => {
    const totals = new Float64Array(tilt.alternatives.length);
    for (const step of steps.slice(from)) {
      step.forEach((log, index) => {
        totals[index]! += log;
      });
    }
    return Math.log(weight(from)) + mixture(tilt, totals);
  });
  assert.ok(Math.abs(logEvidence(state) - logSumExp(sums)) < 1e-10);
});

test("evidence without a start stays nothing, and states survive JSON", () => {
  const step = increments(tilt, { n1: 20, k1: 20, n0: 20, k0: 0 });
  let state = advance(startRecursion(tilt), tilt, step, 0);
  assert.equal(logEvidence(state), -Number.MAX_VALUE);
  state = JSON.parse(JSON.stringify(state)) as RecursionState;
  state = advance(state, tilt, step, 1);
  assert.deepEqual(JSON.parse(JSON.stringify(state)), state);
  assert.ok(logEvidence(state) > 10);
});

test("spending weights give half to the first start and never sum above 1", () => {
  for (const starts of [0, 1, 7, 60, 1440]) {
    const weight = spending({ starts });
    const sum = Array.from({ length: starts + 50 }, (_, i) => weight(i)).reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum - 1) < 1e-12);
    assert.equal(weight(0), starts === 0 ? 1 : 0.5);
    assert.equal(weight(starts + 1), 0);
  }
  assert.equal(spending({ starts: 3, first: 0.7 })(0), 0.7);
  assert.throws(() => spending({ starts: -1 }), RangeError);
  assert.throws(() => spending({ starts: 1, first: 1 }), RangeError);
});

test("a healthy year does not wear the evidence out", () => {
  const healthy = increments(tilt, { n1: 180_000, k1: 900, n0: 3_420_000, k0: 17_100 });
  let state = advance(startRecursion(tilt), tilt, healthy, 0.5);
  for (let hour = 1; hour < 8760; hour++) state = advance(state, tilt, healthy, 0.5 / 8760);
  assert.ok(state.logR.every((log) => Number.isFinite(log)));
  assert.ok(logEvidence(state) < 0);
  const sick = increments(tilt, { n1: 3000, k1: 60, n0: 57_000, k0: 285 });
  assert.ok(logEvidence(advance(state, tilt, sick, 0.5 / 8760)) > Math.log(1000));
  let silent = advance(startRecursion(tilt), tilt, healthy, 1);
  for (let hour = 1; hour < 8760; hour++) silent = advance(silent, tilt, healthy, 0);
  assert.ok(silent.logR.every((log) => Number.isFinite(log) && log < -1000));
});

test("healthy rollouts are rolled back no more often than alpha allows", () => {
  const random = seeded(6);
  const weight = spending({ starts: 10 });
  const later = (i: number) => (i % 10 === 0 ? weight(i / 10) : 0);
  const [runs, alpha] = [80, 0.05];
  for (const [design, next] of [
    [tilt, () => ({ n1: 50, k1: draw(random, 50, 0.005), n0: 950, k0: draw(random, 950, 0.005) })],
    [projected, () => ({ n1: 4, k1: draw(random, 4, 0.43), n0: 16, k0: draw(random, 16, 0.4) })],
  ] as const) {
    let alarms = 0;
    for (let run = 0; run < runs; run++) if (badUntilAlarm(design, alpha, later, next, 100) !== undefined) alarms++;
    assert.ok(alarms <= runs * alpha + 3 * Math.sqrt(runs * alpha), `${alarms} of ${runs}`);
  }
});

test("the first thousandth-level alarm comes near the information bound", () => {
  const random = seeded(7);
  // Bounds on the mean number of bad answers at 5 % canary and 0.5 % baseline.
  for (const [rate, bound] of [
    [0.013, 21.7],
    [0.02, 11.8],
    [0.05, 5.6],
  ] as const) {
    const next = () => ({ n1: 10, k1: draw(random, 10, rate), n0: 190, k0: draw(random, 190, 0.005) });
    const runs = 100;
    let bad = 0;
    for (let run = 0; run < runs; run++) bad += badUntilAlarm(tilt, 0.001, (i) => (i === 0 ? 1 : 0), next, 5000)!;
    assert.ok(bad / runs < 1.4 * bound && bad / runs > 0.9 * bound, `${rate}: ${bad / runs}`);
  }
});

test("a fault after a long healthy time is found, where the plain process is still unlearning", () => {
  const random = seeded(8);
  const weight = spending({ starts: 60 });
  const next = (i: number) => ({
    n1: 50,
    k1: draw(random, 50, i < 600 ? 0.005 : 0.05),
    n0: 950,
    k0: draw(random, 950, 0.005),
  });
  const every = (i: number) => (i % 60 === 0 ? weight(i / 60) : 0);
  const mean = (schedule: (i: number) => number) =>
    Array.from({ length: 6 }, () => badUntilAlarm(tilt, 0.001, schedule, next, 2000)!).reduce((a, b) => a + b) / 6;
  const healthyPart = 150;
  assert.ok(mean(every) - healthyPart < 40);
  assert.ok(mean(every) < mean((i) => (i === 0 ? 1 : 0)));
});

test("safety is certified for an equal candidate and not for one at the margin", () => {
  const random = seeded(9);
  const design = safetyDesign({ form: "poisson-tilt", null: { ratio: 2, points: 0 }, forecast: 0.005 });
  const run = (rate: number) =>
    badUntilAlarm(
      design,
      0.01,
      (i) => (i === 0 ? 1 : 0),
      () => ({ n1: 500, k1: draw(random, 500, rate), n0: 9500, k0: draw(random, 9500, 0.005) }),
      60,
    );
  assert.ok(Array.from({ length: 10 }, () => run(0.005)).filter((bad) => bad !== undefined).length >= 8);
  assert.ok(Array.from({ length: 10 }, () => run(0.01)).filter((bad) => bad !== undefined).length <= 1);
});

test("evidence of several tests is their weighted mean", () => {
  assert.ok(Math.abs(combine([Math.log(10), Math.log(2)], [1, 3]) - Math.log(4)) < 1e-12);
  assert.ok(Math.abs(combine([2000, 0], [0.5, 0.5]) - (2000 - Math.LN2)) < 1e-9);
  assert.equal(combine([3, 700], [1, 0]), 3);
  assert.equal(combine([], []), 0);
  for (const weights of [[1], [0, 0], [-1, 2]]) assert.throws(() => combine([0, 0], weights), RangeError);
});

test("a metric is named when its own e-value reaches K/alpha", () => {
  assert.deepEqual(attribute([Math.log(2999), Math.log(3001), Math.log(5000)], 0.001), [1, 2]);
});
