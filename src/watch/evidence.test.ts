import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { harmDesign, increments } from "../statistics/index.ts";
import { createEvaluator } from "./evaluator.ts";
import { createLateEvidence, createRecentWatch } from "./evidence.ts";
import { aRule, aSample, aSetup, STABLE, START } from "./stream.fixture.ts";

const design = harmDesign({ form: "poisson-tilt", null: { ratio: 1, points: 0 }, forecast: 0.01 });
const bad = increments(design, { n1: 10, k1: 4, n0: 190, k0: 2 });
const calm = increments(design, { n1: 500, k1: 5, n0: 9500, k0: 95 });
const DAY = 86_400_000;

describe("evidence over a holdback", () => {
  const watch = { from: START, horizon: 3_600_000, holdback: 14 * DAY };
  /** How many bad minutes ten days after the exposure it takes to decide. */
  const minutes = (evidence: ReturnType<typeof createLateEvidence>) => {
    for (let minute = 0; minute < 600; minute++) evidence.add(START + minute * 60_000, calm);
    for (let minute = 0; minute < 1000; minute++) {
      evidence.add(START + 10 * DAY + minute * 60_000, bad);
      if (evidence.log(START + 10 * DAY + minute * 60_000) > Math.log(1000)) return minute + 1;
    }
    return Number.POSITIVE_INFINITY;
  };

  it("finds what begins after days sooner than evidence that has only the release to start in", () => {
    const [with_, without] = [
      minutes(createLateEvidence(design, watch)),
      minutes(createLateEvidence(design, { ...watch, holdback: 0 })),
    ];
    assert.ok(with_ * 3 < without, `${with_} and ${without} minutes`);
  });

  it("costs the start of the release nothing", () => {
    const [a, b] = [createLateEvidence(design, watch), createLateEvidence(design, { ...watch, holdback: 0 })];
    for (const evidence of [a, b]) evidence.add(START, bad);
    assert.ok(Math.abs(a.log(START) - b.log(START)) < 1e-9);
  });
});

describe("recent evidence", () => {
  const watch = { from: START, horizon: 3_600_000, holdback: 0 };
  it("forgets what is older than its window", () => {
    const evidence = createRecentWatch(design, 600_000, watch);
    for (let second = 0; second < 5; second++) evidence.add(START + 1000 * second, bad);
    const before = evidence.log(START + 5000);
    assert.ok(before > Math.log(1000));
    assert.ok(evidence.log(START + 700_000) < 0);
    assert.ok(createRecentWatch(design, 600_000, watch).log(START - 1) < 0);
  });

  it("finds what begins after the planned watch too, even a day later", () => {
    /** How many bad seconds it takes to decide. */
    const seconds = (from: number) => {
      const evidence = createRecentWatch(design, 600_000, watch);
      for (let second = 0; second < 600; second++) {
        evidence.add(START + from + 1000 * second, bad);
        if (evidence.log(START + from + 1000 * second) > Math.log(1000)) return second + 1;
      }
      return Number.POSITIVE_INFINITY;
    };
    assert.ok(seconds(3_600_000) <= 2 * seconds(0), `${seconds(3_600_000)} and ${seconds(0)}`);
    assert.ok(seconds(DAY) <= 3 * seconds(0), `${seconds(DAY)} and ${seconds(0)}`);
  });

  it("is not pushed out of its window by a clock that is ahead", () => {
    const [plain, ahead] = [createRecentWatch(design, 600_000, watch), createRecentWatch(design, 600_000, watch)];
    for (const evidence of [plain, ahead]) evidence.add(START, bad);
    ahead.add(START + 3_000_000, bad);
    assert.equal(ahead.log(START + 5000), plain.log(START + 5000));
    assert.ok(ahead.log(START + 3_000_000) > plain.log(START + 3_000_000));
  });

  it("decides a rule `within` a span on what is new, and not on a slow sum", () => {
    const rule = aRule({ null: { ratio: 1, points: 0 }, within: 20_000 });
    const run = (second: number, k1: number) => [
      aSample(second, 30, k1),
      aSample(second, 200, 16, { release: STABLE }),
    ];
    const judged = (rows: ReturnType<typeof run>) => {
      const evaluator = createEvaluator(aSetup({ rules: [rule], horizon: 240_000 }));
      let kind = "";
      for (let second = 0; second < 200; second++) {
        evaluator.observe(rows.filter(({ bucket }) => bucket === START + 1000 * second));
        kind = evaluator.judge(START + 1000 * (second + 1)).kind;
      }
      return kind;
    };
    const slowly = Array.from({ length: 200 }, (_, second) => run(second, 3)).flat();
    const suddenly = Array.from({ length: 200 }, (_, second) => run(second, second < 150 ? 2 : 9)).flat();
    assert.notEqual(judged(slowly), "harmful");
    assert.equal(judged(suddenly), "harmful");
  });
});

describe("a warm-up", () => {
  it("is no evidence, and neither is it blindness", () => {
    const rows = Array.from({ length: 20 }, (_, second) => [
      aSample(second, 20, 15),
      aSample(second, 100, 8, { release: STABLE }),
    ]).flat();
    const warm = createEvaluator(aSetup({ warmUp: 30_000 }));
    warm.observe(rows);
    assert.equal(warm.judge(START + 20_000).kind, "inconclusive");
    assert.ok(warm.judge(START + 20_000).logEvidence <= 0);
    const later = rows.map((one) => ({ ...one, bucket: one.bucket + 30_000, sequence: one.sequence + 50 }));
    warm.observe(later);
    assert.equal(warm.judge(START + 50_000).kind, "harmful");
  });
});
