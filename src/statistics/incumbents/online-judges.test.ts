import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block } from "../block.ts";
import { createArgoAnalysis } from "./argo-analysis.ts";
import { createFlaggerAnalysis } from "./flagger.ts";
import { createGrowthBookSequence, isHarmful } from "./growth-book.ts";
import { createKayentaAnalysis } from "./kayenta-analysis.ts";
import { createMultinomialTest } from "./multinomial.ts";
import { atIntervals, type OnlineJudge } from "./online-judge.ts";
import { createOracle } from "./oracle.ts";
import { createRepeatedZTest } from "./repeated-z.ts";
import { createSlidingThreshold, createTumblingThreshold } from "./threshold.ts";

const GOOD: Block = { n1: 50, k1: 0, n0: 950, k0: 5 };
const BAD: Block = { n1: 50, k1: 1, n0: 950, k0: 5 };
const SILENT: Block = { n1: 0, k1: 0, n0: 950, k0: 5 };

/** The second in which it goes back, when the block of each second is this; undefined for never. */
function backAt(judge: OnlineJudge, blockAt: (second: number) => Block, seconds = 900): number | undefined {
  for (let second = 1; second <= seconds; second++) if (judge.take(blockAt(second), second)) return second;
  return undefined;
}

test("a question is asked at the end of each interval, also when ticks are parts of a second or jump over one", () => {
  const asked: number[] = [];
  let now = 0;
  const ask = atIntervals(1, () => asked.push(now) > 100);
  for (const at of [0.1, 0.7, 0.9999999, 1.5, 2, 5.2, 5.9, 6]) {
    now = at;
    assert.equal(ask(at), false);
  }
  assert.deepEqual(asked, [0.9999999, 2, 5.2, 6]);
  assert.throws(() => atIntervals(0, () => true), RangeError);
});

test("a tumbling threshold looks once in a window, and forgets it", () => {
  const judge = createTumblingThreshold({ limit: 0.008, window: 30 });
  assert.equal(
    backAt(judge, (second) => (second > 45 ? BAD : GOOD)),
    60,
  );
  const shortly = createTumblingThreshold({ limit: 0.008, window: 30 });
  assert.equal(
    backAt(shortly, (second) => (second > 25 && second < 36 ? BAD : GOOD)),
    undefined,
  );
  assert.equal(
    backAt(createTumblingThreshold({ limit: 0, window: 30 }), () => SILENT),
    undefined,
  );
});

test("a sliding threshold looks on every tick over a full window, for however long", () => {
  const judge = () => createSlidingThreshold({ limit: 0.008, window: 30 });
  assert.equal(
    backAt(judge(), () => BAD),
    30,
  );
  // 13 of 1,500 are above 0.8 %, whichever borders a window has.
  assert.equal(
    backAt(judge(), (second) => (second > 45 ? BAD : GOOD)),
    58,
  );
  assert.equal(
    backAt(judge(), (second) => (second > 6000 ? BAD : GOOD), 7000),
    6013,
  );
  assert.throws(() => createSlidingThreshold({ limit: 0.008, window: 0 }), RangeError);
});

test("a repeated z-test sums up everything since the start", () => {
  // 60 of 3,000 against 300 of 57,000: z = 9.6; all good: below 0; without any bad outcome: no spread.
  const judge = () => createRepeatedZTest({ every: 60, deviations: 3.09 });
  assert.equal(
    backAt(judge(), () => BAD),
    60,
  );
  assert.equal(
    backAt(judge(), () => GOOD),
    undefined,
  );
  assert.equal(
    backAt(judge(), () => ({ ...GOOD, k0: 0 })),
    undefined,
  );
});

test("Argo fails on one failed measurement more than its limit, whenever they were", () => {
  const judge = (failureLimit: number) => createArgoAnalysis({ interval: 60, failureLimit, limit: 0.008 });
  assert.equal(
    backAt(judge(0), () => BAD),
    60,
  );
  assert.equal(
    backAt(judge(3), () => BAD),
    240,
  );
  const everySecondMinute = (second: number) => (Math.ceil(second / 60) % 2 === 1 ? BAD : GOOD);
  assert.equal(backAt(judge(3), everySecondMinute), 420);
  // Without an observation a measurement is an error; more than four in a row end the run.
  assert.equal(
    backAt(judge(3), () => SILENT),
    300,
  );
});

test("Flagger goes back one interval after its failed checks have reached the threshold, and counts silence as one", () => {
  const judge = (threshold: number) => createFlaggerAnalysis({ interval: 60, threshold, limit: 0.008 });
  assert.equal(
    backAt(judge(1), () => BAD),
    120,
  );
  assert.equal(
    backAt(judge(5), () => BAD),
    360,
  );
  assert.equal(
    backAt(judge(1), (second) => (second <= 60 ? BAD : GOOD)),
    120,
  );
  assert.equal(
    backAt(judge(2), () => SILENT),
    180,
  );
  assert.equal(
    backAt(judge(1), () => GOOD),
    undefined,
  );
});

test("Kayenta needs several points before its ranks can tell, and looks back over a limited time", () => {
  const wobble = (second: number) => ({ ...GOOD, k0: 4 + (second % 3), k1: second % 29 === 0 ? 1 : 0 });
  const judge = createKayentaAnalysis({ step: 60, lookback: 60 });
  const back = backAt(judge, (second) => (second <= 300 ? wobble(second) : { ...wobble(second), k1: 3 }), 3600);
  assert.ok(back !== undefined && back > 420, `went back at ${back}`);
  const calm = createKayentaAnalysis({ step: 60, lookback: 5 });
  assert.equal(
    backAt(calm, () => ({ ...GOOD, k1: 0, k0: 0 })),
    undefined,
  );
});

test("GrowthBook's sequence waits until it excludes no difference", () => {
  // A vector of their own tests, two-sided bound turned (tests/frequentist/test_tests.py): lower is -0.1266, so no.
  const [a, b] = [
    { n: 3000, sum: 1396.87, squares: 52_377.9767 },
    { n: 3461, sum: 2422.7, squares: 134_698.29 },
  ];
  assert.equal(isHarmful(b, a, 0.05), false);
  assert.equal(isHarmful({ n: 3461, sum: 9422.7, squares: 134_698.29 }, a, 0.05), true);
  const judge = () => createGrowthBookSequence({ alpha: 0.001, every: 10 });
  assert.equal(
    backAt(judge(), () => GOOD),
    undefined,
  );
  const back = backAt(judge(), () => ({ ...BAD, k1: 2 }));
  assert.ok(back !== undefined && back % 10 === 0 && back < 60, `went back at ${back}`);
  assert.equal(
    backAt(judge(), () => SILENT),
    undefined,
  );
});

test("the multinomial test compares the candidate's part of the bad outcomes with its share, upwards only", () => {
  const judge = (share = 0.05) => createMultinomialTest({ alpha: 0.001, share: () => share });
  const back = backAt(judge(), () => ({ ...BAD, k1: 1, k0: 5 }));
  assert.ok(back !== undefined && back > 10 && back < 60, `went back at ${back}`);
  assert.equal(
    backAt(judge(), () => ({ ...GOOD, k0: 0 })),
    undefined,
  );
  // Far fewer than its share is no harm.
  assert.equal(
    backAt(judge(0.5), () => ({ ...GOOD, k0: 20 })),
    undefined,
  );
});

test("the multinomial test keeps what it knew when the planned share changes", () => {
  const planned = (at: number) => (at <= 5 ? 0.05 : 0.25);
  const judge = createMultinomialTest({ alpha: 0.001, share: planned });
  const before = createMultinomialTest({ alpha: 0.001, share: () => 0.05 });
  const first: Block = { n1: 50, k1: 2, n0: 950, k0: 5 };
  for (let second = 1; second <= 5; second++) {
    assert.equal(judge.take(first, second), before.take(first, second));
  }
  const later: Block = { n1: 250, k1: 3, n0: 750, k0: 1 };
  const fresh = createMultinomialTest({ alpha: 0.001, share: () => 0.25 });
  const backAfter = (one: OnlineJudge) => {
    for (let second = 6; second < 100; second++) if (one.take(later, second)) return second;
    return undefined;
  };
  const [kept, anew] = [backAfter(judge), backAfter(fresh)];
  assert.ok(kept !== undefined && anew !== undefined && kept < anew, `${kept}, ${anew}`);
});

test("the oracle is Wald's test of the true rates", () => {
  const judge = createOracle({ null: { ratio: 1, points: 0 }, alpha: 0.001, p1: 0.02, p0: 0.005 });
  // Each second adds ln(4 b) + 5 ln(b), where b = 1 / (1 + 0.05 * (4 - 1)).
  const perSecond = Math.log(4 / 1.15) + 5 * Math.log(1 / 1.15);
  assert.equal(
    backAt(judge, () => BAD),
    Math.ceil(Math.log(1000) / perSecond),
  );
  const never = createOracle({ null: { ratio: 0.95, points: 0.05 }, alpha: 0.001, p1: 0.49, p0: 0.4 });
  assert.equal(
    backAt(never, () => ({ n1: 50, k1: 20, n0: 950, k0: 380 })),
    undefined,
  );
});
