import assert from "node:assert/strict";
import { test } from "node:test";
import {
  calibrate,
  harmDesign,
  increments,
  mixture,
  stoppingBoundary,
  stoppingLaw,
  successQuantile,
  trialsOf,
} from "./index.ts";
import { draw, publishedDesign, seeded } from "./published.fixture.ts";
import { logAfter } from "./stopping.ts";

const near = (found: number, expected: number, part: number) =>
  assert.ok(Math.abs(found - expected) <= part * Math.abs(expected), `${found}, not ${expected}`);

test("the crossing probabilities are the research table's", () => {
  const walk = trialsOf(publishedDesign(), 0.05);
  for (const [alpha, trials, expected] of [
    [0.01, 3000, 0.0063066],
    [0.01, 18_000, 0.0066244],
    [0.001, 3000, 6.24e-4],
    [0.001, 18_000, 6.7171e-4],
  ] as const) {
    const law = stoppingLaw(stoppingBoundary(walk, Math.log(1 / alpha), trials), walk.nullRate);
    near(law.stopped, expected, 1e-5);
    assert.ok(law.lost < 1e-10);
  }
});

test("a walk's evidence is that of its counts, with and without a reference, in both forms", () => {
  const block = { n1: 500, k1: 9, n0: 9500, k0: 40 };
  for (const [design, trials] of [
    [publishedDesign(), 49],
    [harmDesign({ form: "poisson-tilt", null: { ratio: 1.6, points: 0 }, forecast: 0.005 }), 49],
    [harmDesign({ form: "poisson-tilt", null: { ratio: 0, points: 0.015 }, forecast: 0.005 }), 500],
    [harmDesign({ form: "projected-bernoulli", null: { ratio: 0, points: 0.015 }, forecast: 0.005 }), 500],
  ] as const) {
    const calm = { ...design, alternatives: design.alternatives.map((one) => ({ ...one, calm: 1 })) };
    near(logAfter(trialsOf(design, 0.05), trials, 9), mixture(calm, increments(calm, block)), 1e-10);
  }
});

test("the law of a walk is what simulation finds", () => {
  const walk = trialsOf(publishedDesign(), 0.05);
  const boundary = stoppingBoundary(walk, Math.log(1000), 4000);
  const rate = 0.2;
  const law = stoppingLaw(boundary, rate);
  const random = seeded(11);
  const found = Array.from({ length: 4000 }, () => {
    let k = 0;
    for (let trials = 1; trials < boundary.length; trials++) {
      k += random() < rate ? 1 : 0;
      if (k >= boundary[trials]!) break;
    }
    return k;
  }).sort((a, b) => a - b);
  near(law.stopped, 1, 1e-9);
  near(law.meanSuccesses, found.reduce((a, b) => a + b) / found.length, 0.03);
  near(law.meanTrials, law.meanSuccesses / rate, 1e-9);
  assert.ok(Math.abs(successQuantile(law, 0.5)! - found[2000]!) <= 1);
  assert.ok(Math.abs(successQuantile(law, 0.9)! - found[3600]!) <= 1);
  assert.equal(successQuantile(stoppingLaw(boundary, 0.05), 0.5), undefined, "a healthy walk need not stop");
});

test("a calibrated threshold is lower than Ville's, spends at most alpha, and says what it assumes", () => {
  const design = publishedDesign();
  const { logThreshold, risk, assumption } = calibrate({ design, share: 0.05, alpha: 0.001, trials: 3000 });
  assert.ok(logThreshold < Math.log(1000) - 0.3 && logThreshold > Math.log(1000) - 0.6, String(logThreshold));
  assert.ok(risk <= 0.001 && risk > 0.0009, String(risk));
  assert.match(assumption, /independent outcomes, 5 % of them the candidate's at any time, judged at each/);
});

test("one sample can be calibrated too, and the promise holds on the walk itself", () => {
  const design = harmDesign({ form: "projected-bernoulli", null: { ratio: 0, points: 0.3 }, forecast: 0.2 });
  const found = calibrate({ design, share: 0.5, alpha: 0.05, trials: 400 });
  assert.equal(found.assumption, "assumes independent outcomes, judged at each; bursts break it");
  const longer = calibrate({ design, share: 0.5, alpha: 0.05 });
  assert.ok(longer.logThreshold <= found.logThreshold + 1e-3, "what comes after the walk is bounded from above");
  assert.ok(longer.risk <= 0.05 && longer.risk > 0.045, String(longer.risk));
  const random = seeded(12);
  let alarms = 0;
  const walk = trialsOf(design, 0.5);
  for (let run = 0; run < 1000; run++) {
    let k = 0;
    for (let n = 1; n <= 400; n++) {
      k += draw(random, 1, 0.3);
      if (logAfter(walk, n, k) < found.logThreshold) continue;
      alarms++;
      break;
    }
  }
  // 1,000 runs: a standard error of 0.7 points.
  assert.ok(alarms / 1000 < 0.05 + 0.021 && alarms > 10, String(alarms));
});

test("designs that need more than two counts, and nonsense, are refused", () => {
  const request = { design: publishedDesign(), share: 0.05, alpha: 0.001, trials: 100 };
  const points = harmDesign({ form: "poisson-tilt", null: { ratio: 1, points: 0.01 }, forecast: 0.005 });
  for (const wrong of [{ design: points }, { share: 0 }, { alpha: 1 }, { trials: 0 }]) {
    assert.throws(() => calibrate({ ...request, ...wrong }), RangeError);
  }
});
