import assert from "node:assert/strict";
import { test } from "node:test";
import {
  advance,
  advanceCusum,
  advanceDrift,
  createRecentEvidence,
  driftAlarm,
  harmDesign,
  increments,
  logEvidence,
  startRecursion,
} from "./index.ts";
import { draw, seeded } from "./published.fixture.ts";
import { logSumExp } from "./recursion.ts";

const single = { alternatives: [{ weight: 1 }] };

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Mean ticks to the alarm, of normal observations against a shift by `shift`. */
function runLength(
  step: typeof advanceDrift,
  setting: {
    readonly shift: number;
    readonly mean: number;
    readonly log: number;
    readonly runs: number;
    readonly seed: number;
  },
): number {
  const { shift, mean, log, runs } = setting;
  const random = seeded(setting.seed);
  let ticks = 0;
  for (let run = 0; run < runs; run++) {
    let state = startRecursion(single);
    do {
      ticks++;
      state = step(state, single, [shift * (normal(random) + mean) - (shift * shift) / 2]);
    } while (logEvidence(state) < log);
  }
  return ticks / runs;
}

test("run lengths of Shiryaev-Roberts are those of Moustakides, Polunchenko and Tartakovsky (2009), table 2", () => {
  // Shift 0.1, threshold 47.17: 50.29 ticks between false alarms. 3,000 runs: a standard error of 0.6.
  const found = runLength(advanceDrift, { shift: 0.1, mean: 0, log: Math.log(47.17), runs: 3000, seed: 41 });
  assert.ok(Math.abs(found - 50.29) < 1.8, String(found));
  assert.ok(found >= 47.17 - 1.8, "the promise");
});

test("run lengths of CUSUM are Brook and Evans's (1972): 117.6 at k = 0.5, h = 3", () => {
  // 2,500 runs: a standard error of 2.3.
  const found = runLength(advanceCusum, { shift: 1, mean: 0, log: 3, runs: 2500, seed: 42 });
  assert.ok(Math.abs(found - 117.595) < 7, String(found));
});

test("the recursion gives the values of stcpR6 for 1, 3, 2 from a standard normal against a mean of 1", () => {
  const values: number[] = [];
  [1, 3, 2].reduce((state, x) => {
    const next = advanceCusum(state, single, [x - 0.5]);
    values.push(logEvidence(next));
    return next;
  }, startRecursion(single));
  assert.deepEqual(values, [0.5, 3, 4.5]);
  assert.equal(
    values.findIndex((log) => log >= Math.log(20)),
    1,
  );
});

const limit = harmDesign({ form: "poisson-tilt", null: { ratio: 0, points: 0.005 }, forecast: 0.005 });

/** Ticks of 100 observations until a false or a true alarm. */
function ticksToAlarm(design: typeof limit, rate: number, between: number, random: () => number): number {
  let state = startRecursion(design);
  for (let tick = 1; ; tick++) {
    state = advanceDrift(state, design, increments(design, { n1: 100, k1: draw(random, 100, rate), n0: 0, k0: 0 }));
    if (driftAlarm(state, between)) return tick;
  }
}

test("false alarms are at least as far apart on average as promised", () => {
  const random = seeded(43);
  const runs = 60;
  const ticks = Array.from({ length: runs }, () => ticksToAlarm(limit, 0.005, 200, random));
  // An exponential-like law: a standard error of 13 %.
  assert.ok(ticks.reduce((a, b) => a + b) / runs > 200 * 0.7);
});

test("drift is found nearly as soon as by the detector that knows how large it is", () => {
  const month = 30 * 86_400;
  for (const rate of [0.013, 0.02, 0.05]) {
    const tuned = { ...limit, alternatives: [{ ...limit.alternatives[0]!, rate, effect: rate / 0.005, weight: 1 }] };
    const mean = (design: typeof limit) => {
      const random = seeded(44);
      return Array.from({ length: 150 }, () => ticksToAlarm(design, rate, month, random)).reduce((a, b) => a + b) / 150;
    };
    assert.ok(mean(limit) <= 1.1 * mean(tuned), `${rate}: ${mean(limit)} and ${mean(tuned)}`);
  }
});

test("a billion healthy observations leave the detector alive", () => {
  let state = startRecursion(limit);
  const hour = increments(limit, { n1: 1_000_000, k1: 4900, n0: 0, k0: 0 });
  for (let tick = 0; tick < 1000; tick++) state = advanceDrift(state, limit, hour);
  assert.ok(state.logR.every(Number.isFinite));
  state = advance(state, limit, increments(limit, { n1: 100, k1: 0, n0: 0, k0: 0 }), 0);
  for (let tick = 0; tick < 30; tick++) {
    state = advanceDrift(state, limit, increments(limit, { n1: 100, k1: 5, n0: 0, k0: 0 }));
  }
  assert.ok(driftAlarm(state, 1e6));
});

test("recent evidence is the sum over the window's starts, in any order, and forgets", () => {
  const random = seeded(45);
  const steps = Array.from({ length: 25 }, () =>
    increments(limit, { n1: 100, k1: draw(random, 100, 0.02), n0: 0, k0: 0 }),
  );
  const byStarts = (now: number) => {
    const logs: number[] = [];
    for (let start = Math.max(0, now - 9); start <= now; start++) {
      limit.alternatives.forEach((one, j) => {
        logs.push(Math.log(one.weight / 60) + steps.slice(start, now + 1).reduce((sum, step) => sum + step[j]!, 0));
      });
    }
    return logSumExp(logs);
  };
  const recent = createRecentEvidence(limit, { window: 10, weightOf: () => 1 / 60 });
  const all = steps.slice(0, 8).map((step, interval) => ({ step, interval }));
  for (const { step, interval } of all.toReversed()) recent.add(interval, step);
  assert.ok(Math.abs(recent.log(7) - byStarts(7)) < 1e-9);
  for (let interval = 8; interval < 25; interval++) recent.add(interval, steps[interval]!);
  recent.add(3, steps[3]!);
  assert.ok(Math.abs(recent.log(24) - byStarts(24)) < 1e-9);
  assert.ok(recent.log(40) < 0, "what was ten intervals ago is forgotten");
});

test("windows, weights and promises that are none are refused", () => {
  assert.throws(() => createRecentEvidence(limit, { window: 0, weightOf: () => 1 }), RangeError);
  assert.throws(() => createRecentEvidence(limit, { window: 3, weightOf: () => 0 }), RangeError);
  assert.throws(() => driftAlarm(startRecursion(limit), 0), RangeError);
});
