import assert from "node:assert/strict";
import { test } from "node:test";
import { runs } from "../testing/runs.fixture.ts";
import { binomialTail } from "./binomial.ts";
import { binomial, draw, seeded } from "./published.fixture.ts";
import { chanceInAll, firstAlarms, slidingAlarm, type WindowRule, windowAlarm } from "./window-rule.ts";

/** "error > 0.8 % over 30 s" at 50 requests a second: at least 13 of 1,500. */
const article: WindowRule = { n: 1500, least: 13, looks: 30 };

test("the tail of the binomial is the sum of its terms, on both sides of the mean and at its ends", () => {
  for (const [n, p] of [
    [12, 0.3],
    [40, 0.02],
  ] as const) {
    const chances = binomial(n, p);
    for (let k = 0; k <= n; k++) {
      const exact = chances.slice(k).reduce((sum, chance) => sum + chance, 0);
      assert.ok(Math.abs(binomialTail(n, p, k) - exact) < 1e-12, `${k} of ${n}`);
    }
  }
  assert.deepEqual([binomialTail(5, 0.5, 6), binomialTail(5, 0, 1), binomialTail(5, 1, 5)], [0, 0, 1]);
  const far = binomialTail(1e6, 1e-5, 40);
  assert.ok(far > 5.56e-13 && far < 1e-12, `a far tail is small, and not nothing: ${far}`);
});

test("the published rule alarms in 57 % of healthy ten minutes when it tumbles, in 92.7 % when it slides", () => {
  const once = windowAlarm(article, 0.005);
  assert.ok(Math.abs(chanceInAll(once, 20) - 0.57) < 0.015, String(chanceInAll(once, 20)));
  const { atLeast, about, atMost } = slidingAlarm(article, 0.005, 20);
  assert.ok(atLeast < 0.927 && 0.927 < atMost, `${atLeast} to ${atMost}`);
  assert.ok(Math.abs(about - 0.927) < 0.015, String(about));
  assert.ok(slidingAlarm(article, 0.005, 120).atLeast > 0.999, "every healthy hour");
});

/** The share of runs in which the rule has alarmed within so many windows. */
function simulated({ n, least, looks }: WindowRule, rate: number, windows: number, times: number): number {
  const random = seeded(31);
  let alarms = 0;
  for (let run = 0; run < times; run++) {
    const counts: number[] = [];
    let sum = 0;
    for (let at = 0; at < windows * looks; at++) {
      counts.push(draw(random, n / looks, rate));
      sum += counts[at]! - (counts[at - looks] ?? 0);
      if (at < looks - 1 || sum < least) continue;
      alarms++;
      break;
    }
  }
  return alarms / times;
}

test("simulation lies between the bounds, for rare and for common outcomes", () => {
  // Three standard errors: 2.4 points for all 4,000 runs.
  const error = 1.5 / Math.sqrt(runs(4000));
  for (const [rule, rate, windows] of [
    [article, 0.005, 20],
    [{ n: 300, least: 8, looks: 30 }, 0.01, 20],
    [{ n: 300, least: 150, looks: 30 }, 0.4, 20],
    [{ n: 400, least: 5, looks: 8 }, 0.005, 6],
  ] as const) {
    const found = simulated(rule, rate, windows, runs(4000));
    const { atLeast, about, atMost } = slidingAlarm(rule, rate, windows);
    assert.ok(atLeast - error <= found && found <= atMost + error, `${atLeast} <= ${found} <= ${atMost}`);
    assert.ok(atLeast <= about && about <= atMost);
  }
});

test("a rule over a single window is exact, and no chance grows beyond certainty", () => {
  const { atLeast, atMost } = slidingAlarm(article, 0.005, 1);
  assert.ok(Math.abs(atMost - windowAlarm(article, 0.005)) < 1e-12);
  assert.ok(Math.abs(atLeast - atMost) < 1e-9);
  assert.equal(chanceInAll(1, 3), 1);
  assert.equal(slidingAlarm({ n: 10, least: 0, looks: 10 }, 0.5, 3).atMost, 1);
});

test("long lives and large windows cost no time, and stay between their bounds", () => {
  const rule = { n: 20_000, least: 10_200, looks: 30 };
  const day = slidingAlarm(rule, 0.5, 2880);
  assert.ok(day.atLeast > 0.9 && day.atLeast <= day.atMost && day.atMost <= 1, JSON.stringify(day));
  const [hour, week] = [slidingAlarm(article, 0.003, 120), slidingAlarm(article, 0.003, 20_160)];
  assert.ok(hour.atLeast < week.atLeast && hour.about < week.about, JSON.stringify([hour, week]));
  assert.ok(Math.abs(week.atLeast - chanceInAll(hour.atLeast, 168)) < 0.01 * week.atLeast);
});

test("looking at every half of a window alarms with the chances of a simulation", () => {
  const rule = { n: 301, least: 8, looks: 2 };
  const found = firstAlarms(rule, 0.02, 5);
  assert.ok(Math.abs(found[0]! - windowAlarm(rule, 0.02)) < 1e-9);
  const random = seeded(32);
  const seen = [0, 0, 0, 0, 0];
  const times = 8000;
  for (let run = 0; run < times; run++) {
    let last = draw(random, 150, 0.02);
    let alarmed = false;
    // Halves of 150 and 151: the odd observation belongs to every other half.
    for (let look = 0; look < 5; look++) {
      const next = draw(random, look % 2 === 0 ? 151 : 150, 0.02);
      alarmed ||= last + next >= rule.least;
      if (alarmed) seen[look]!++;
      last = next;
    }
  }
  found.forEach((chance, look) => {
    assert.ok(Math.abs(chance - seen[look]! / times) < 0.02, `${chance}, simulated ${seen[look]! / times}`);
  });
});
