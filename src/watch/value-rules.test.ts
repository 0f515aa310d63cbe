import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { bucketOf, upperEdge } from "../core/cells.ts";
import { type Signal, TIME_QUANTILES } from "../core/playbook.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Cells, Sample } from "../core/sample.ts";
import { drawBinomial } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { countValue, createLogHistogram, emptyValues } from "../statistics/index.ts";
import { runs } from "../testing/runs.fixture.ts";
import { createEvaluator, type EvaluatorSetup } from "./evaluator.ts";
import { againstFrozen } from "./frozen-reference.ts";
import type { MeanRule, Rule, TimeRule } from "./rule.ts";
import { aRule, aSample, aSetup, CANDIDATE, LEAKS, LOSSES, STABLE, START } from "./stream.fixture.ts";

const MOOD: Signal = {
  ...LOSSES,
  name: "mood",
  kind: "mean",
  part: "mood",
  of: "answers",
  range: [-1, 1],
  better: "up",
};
const LATENCY: Signal = { ...LOSSES, name: "latency", kind: "time", part: "latency", of: "answers", unit: "seconds" };
const mood: MeanRule = {
  test: "mean",
  name: "sad",
  signal: MOOD,
  claim: "mood falls by more than 0.1",
  null: { ratio: 1, points: 0.05 },
};
const slow: TimeRule = { test: "time", name: "slow", signal: LATENCY, claim: "p95 grows", quantile: 0.95, by: 0.2 };

const { quantile: _, ...head } = slow;
const slowAnywhere: TimeRule = { ...head, claim: "any quantile grows" };

/** Cells of scores from -1 to 1. */
function scores(values: readonly number[]): Cells {
  const counts = emptyValues();
  for (const value of values) countValue(counts, (value + 1) / 2);
  return [...counts.entries()].filter(([, count]) => count > 0);
}

function times(values: readonly number[]): Cells {
  const histogram = createLogHistogram();
  for (const value of values) histogram.count(value);
  return histogram.entries();
}

function judged(
  rule: Rule,
  samples: readonly Sample[],
  frozen: readonly FrozenWindow[],
  more: Partial<EvaluatorSetup> = {},
) {
  const evaluator = createEvaluator(aSetup({ rules: [rule], frozen, ...more }));
  evaluator.observe(samples);
  return evaluator.judge(Math.max(...samples.map(({ bucket }) => bucket)) + 1000);
}

/** Both arms for so many seconds: draws of a value, so many a second. */
function stream(
  signal: string,
  seconds: number,
  cellsOf: (values: readonly number[]) => Cells,
  draws: Readonly<Record<"candidate" | "stable", readonly [n: number, draw: () => number]>>,
): Sample[] {
  return Array.from({ length: seconds }, (_, second) =>
    (["candidate", "stable"] as const).map((arm) => {
      const [n, draw] = draws[arm];
      const cells = cellsOf(Array.from({ length: n }, draw));
      return aSample(second, n, 0, { signal, cells, release: arm === "stable" ? STABLE : CANDIDATE });
    }),
  ).flat();
}

describe("a rule about a mean", () => {
  const random = createSeededRandom("moods");
  const around = (mean: number) => () => Math.max(-1, Math.min(1, mean + (random.next() + random.next() - 1) * 0.8));
  const frozen = [{ signal: "mood", n: 600, k: 0, cells: scores(Array.from({ length: 600 }, around(0.2))) }];
  const both = (mean: number, seconds = 120) =>
    stream("mood", seconds, scores, { candidate: [5, around(mean)], stable: [95, around(0.2)] });

  it("goes back on a worse one, and shows both means on the signal's own scale", () => {
    const verdict = judged(mood, both(-0.1), frozen);
    assert.deepEqual(verdict.because, ["sad"]);
    const [finding] = verdict.findings;
    assert.equal(finding?.method, "mean-betting");
    assert.ok(Math.abs(finding!.candidate.mean! + 0.1) < 0.05, `${finding!.candidate.mean}`);
    assert.ok(Math.abs(finding!.reference.mean! - 0.2) < 0.02, `${finding!.reference.mean}`);
  });

  it("calls a better one healthy, and an equal one not harmful", () => {
    assert.equal(judged(mood, both(0.5, 300), frozen).kind, "healthy");
    assert.notEqual(judged(mood, both(0.2), frozen).kind, "harmful");
    assert.notEqual(judged(mood, both(0.2), []).kind, "harmful");
  });

  it("is an instrument error when the cells cannot be", () => {
    for (const cells of [
      [[3, 2]],
      [[17, 5]],
      [[0.5, 5]],
      [
        [2, 6],
        [3, -1],
      ],
      undefined,
    ] as (Cells | undefined)[]) {
      const sample = aSample(0, 5, 0, { signal: "mood", ...(cells ? { cells } : {}) });
      assert.equal(judged(mood, [sample], frozen).kind, "instrument-error", JSON.stringify(cells));
    }
    assert.equal(judged(mood, [aSample(0, 0, 0, { signal: "mood" })], frozen).kind, "no-data");
  });

  it("is drawn against a line too, and for signals that are better down", () => {
    const rude: MeanRule = { ...mood, signal: { ...MOOD, better: "down" }, null: { ratio: 0, points: 0.7 } };
    assert.equal(judged(rude, both(0.8), frozen).kind, "harmful");
    assert.equal(judged(rude, both(-0.5), frozen).kind, "healthy");
  });

  it("against a frozen window proves what holds within the window's bounds", () => {
    const rule = againstFrozen(mood, frozen, 0.01);
    assert.equal(rule.null.ratio, 0);
    assert.ok(rule.harmNull!.points > rule.null.points);
    const alone = both(-0.4).filter(({ release }) => release === CANDIDATE);
    assert.equal(judged(rule, alone, frozen, { reference: "sha256:none" }).kind, "harmful");
    assert.equal(againstFrozen(mood, [], 0.01).null.points, 0.05);
  });
});

describe("a rule about a time", () => {
  const random = createSeededRandom("times");
  const lognormal = (factor: number) => () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    return 0.4 * factor * Math.exp(0.5 * normal);
  };
  const frozen = [{ signal: "latency", n: 2000, k: 0, cells: times(Array.from({ length: 2000 }, lognormal(1))) }];
  const both = (factor: number, seconds = 60, common = 1) =>
    stream("latency", seconds, times, {
      candidate: [10, lognormal(factor * common)],
      stable: [90, lognormal(common)],
    });

  it("goes back when its quantile grew by more, and names what slow is", () => {
    const verdict = judged(slow, both(1.8), frozen);
    assert.deepEqual(verdict.because, ["slow"]);
    const [finding] = verdict.findings;
    assert.equal(finding?.method, "exceedance");
    assert.ok(finding!.threshold! > 0.4 * Math.exp(0.5 * 1.645) && finding!.threshold! < 1.5);
    assert.ok(finding!.candidate.k / finding!.candidate.n > 0.05);
  });

  it("is healthy when nothing changed, and a slow hour of both is no harm", () => {
    assert.equal(judged(slow, both(1, 400), frozen).kind, "healthy");
    assert.notEqual(judged(slow, both(1, 60, 3), frozen).kind, "harmful");
  });

  it("can say nothing without a window of before", () => {
    const verdict = judged(slow, both(3), []);
    assert.equal(verdict.kind, "no-data");
    assert.match(verdict.findings[0]!.doubts![0]!, /nothing was measured of latency before the release/);
  });

  it("is an instrument error when the cells cannot be", () => {
    for (const cells of [[[3, 2]], [[-1, 5]], [[1e9, 5]], [[2, 5.5]]] as Cells[])
      assert.equal(judged(slow, [aSample(0, 5, 0, { signal: "latency", cells })], frozen).kind, "instrument-error");
  });

  it("against a frozen window asks for more than the window can be wrong by", () => {
    const rule = againstFrozen(slow, frozen, 0.01);
    const alone = (factor: number) => both(factor, 200).filter(({ release }) => release === CANDIDATE);
    assert.equal(judged(rule, alone(2), frozen, { reference: "sha256:none" }).kind, "harmful");
    assert.equal(judged(rule, alone(0.8), frozen, { reference: "sha256:none" }).kind, "healthy");
    assert.ok(upperEdge(bucketOf(1)) > 0.99);
  });
});

describe("a rule about a time that names no quantile", () => {
  let random = createSeededRandom("times, anywhere");
  beforeEach(() => {
    random = createSeededRandom("times, anywhere: a test");
  });
  const lognormal = (factor: number) => () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    return 0.4 * factor * Math.exp(0.5 * normal);
  };
  const stuck = (part: number) => () => lognormal(random.next() < part ? 10 : 1)();
  const frozen = [{ signal: "latency", n: 5000, k: 0, cells: times(Array.from({ length: 5000 }, lognormal(1))) }];
  const both = (draw: () => number, seconds: number, common = 1) =>
    stream("latency", seconds, times, { candidate: [10, draw], stable: [90, lognormal(common)] });
  const finding = (rule: TimeRule, samples: readonly Sample[], more: Partial<EvaluatorSetup> = {}) =>
    judged(rule, samples, frozen, more).findings[0]!;
  const each = TIME_QUANTILES.map((quantile): TimeRule => ({ ...slow, quantile }));

  it("has the mean of the e-values at five quantiles as evidence of harm, and the least as that of safety", () => {
    for (const factor of [0.9, 1, 1.25, 1.4]) {
      const samples = both(lognormal(factor), 40);
      const { logHarm, logSafe } = finding(slowAnywhere, samples);
      const ones = each.map((rule) => finding(rule, samples));
      const mean = ones.reduce((sum, one) => sum + Math.exp(one.logHarm), 0) / each.length;
      assert.ok(Math.abs(logHarm - Math.log(mean)) < 1e-6, `${logHarm} is not ln of ${mean}`);
      assert.equal(logSafe, Math.min(...ones.map((one) => one.logSafe)));
    }
  });

  it("is so under a recent window, a holdback and without a stable, where each has a fifth of the error", () => {
    const samples = both(lognormal(1.5), 30);
    const mean = (ones: readonly number[]) => Math.log(ones.reduce((sum, log) => sum + Math.exp(log), 0) / ones.length);
    const recent = (rule: TimeRule) => finding({ ...rule, within: 20_000 }, samples).logHarm;
    assert.ok(Math.abs(recent(slowAnywhere) - mean(each.map(recent))) < 1e-6);
    const held = (rule: TimeRule) => finding(rule, samples, { holdback: 600_000 }).logHarm;
    assert.ok(Math.abs(held(slowAnywhere) - mean(each.map(held))) < 1e-6);
    const own = samples.filter(({ release }) => release === CANDIDATE);
    const alone = (rule: TimeRule, error: number) =>
      finding({ ...rule, alone: error }, own, { reference: "sha256:none" }).logHarm;
    const fifth = mean(each.map((rule) => alone(rule, 0.002)));
    assert.ok(Math.abs(alone(slowAnywhere, 0.01) - fifth) < 1e-6);
  });

  it("sees what p95 alone does not: that what was quick takes longer, and a tail of few", () => {
    const shifted = both(() => {
      const time = lognormal(1)();
      return time < 0.55 ? 1.8 * time : time;
    }, 60);
    assert.notEqual(judged(slow, shifted, frozen).kind, "harmful");
    assert.equal(judged(slowAnywhere, shifted, frozen).kind, "harmful");
    const tail = both(stuck(0.03), 120);
    assert.notEqual(judged(slow, tail, frozen).kind, "harmful");
    assert.equal(judged(slowAnywhere, tail, frozen).kind, "harmful");
  });

  it("names the quantile that speaks most, and shows its counts", () => {
    const shift = finding(slowAnywhere, both(lognormal(1.45), 60));
    assert.ok(shift.quantile! < 0.95, `${shift.quantile}`);
    const samples = both(stuck(0.03), 120);
    const tail = finding(slowAnywhere, samples);
    assert.equal(tail.quantile, 0.99);
    const { threshold, candidate, reference } = finding(each[4]!, samples);
    assert.deepEqual([tail.threshold, tail.candidate, tail.reference], [threshold, candidate, reference]);
    assert.equal(finding(slow, both(lognormal(1.45), 40)).quantile, undefined);
  });

  it("is safe only where each quantile is, and a slow hour of both is no harm", () => {
    assert.equal(judged(slowAnywhere, both(lognormal(1), 900), frozen).kind, "healthy");
    assert.notEqual(judged(slowAnywhere, both(lognormal(3), 60, 3), frozen).kind, "harmful");
    // All but the slowest answers are quicker: four quantiles are proved, and p99 is not.
    const hidden = both(() => (random.next() < 0.012 ? 10 : lognormal(0.7)()), 400);
    assert.ok(each.slice(0, 4).every((rule) => judged(rule, hidden, frozen).kind === "healthy"));
    assert.notEqual(judged(slowAnywhere, hidden, frozen).kind, "healthy");
  });

  it("speaks of segments too, each with a line of its own", () => {
    const rule: TimeRule = { ...slowAnywhere, inAny: "region" };
    const rows = both(lognormal(1.7), 60).flatMap((row) => [row, { ...row, group: "region=a" }]);
    const { kind, findings } = judged(rule, rows, frozen);
    assert.equal(kind, "harmful");
    assert.ok(TIME_QUANTILES.includes(findings[0]!.quantile!));
  });

  it("raises no more false alarms than it says, where every quantile lies on its line", () => {
    const draw = createSeededRandom("times, false alarms");
    const drawCells = (count: number, factor: number) =>
      times(Array.from({ length: count }, () => factor / (0.02 + draw.next())));
    const [before] = [[{ signal: "latency", n: 4000, k: 0, cells: drawCells(4000, 1) }]];
    const many = runs(200);
    let alarms = 0;
    for (let run = 0; run < many; run++) {
      const rows = Array.from({ length: 30 }, (__, second) => [
        aSample(second, 20, 0, { signal: "latency", cells: drawCells(20, 1.2) }),
        aSample(second, 60, 0, { signal: "latency", cells: drawCells(60, 1), release: STABLE }),
      ]).flat();
      const verdict = judged(slowAnywhere, rows, before, { alpha: 0.1 });
      if (verdict.kind === "harmful") alarms++;
    }
    assert.ok(alarms <= 0.1 * many, `${alarms} of ${many}`);
  });
});

describe("a rule about a count", () => {
  const leaks = aRule({ signal: LEAKS, null: { ratio: 1.5, points: 0 } });
  const frozen = [{ signal: "leaks", n: 1000, k: 2000 }];
  const both = (k1: number) =>
    Array.from({ length: 60 }, (_, second) => [
      aSample(second, 5, k1, { signal: "leaks" }),
      aSample(second, 95, 190, { signal: "leaks", release: STABLE }),
    ]).flat();

  it("may count more occurrences than there are answers, and goes back when they are too many", () => {
    assert.equal(judged(leaks, both(25), frozen).kind, "harmful");
    assert.equal(judged(leaks, both(10), frozen).kind, "healthy");
    assert.equal(judged(leaks, [aSample(0, 1, -1, { signal: "leaks" })], frozen).kind, "instrument-error");
  });

  it("is held against a frozen window and against a line of so many for each answer", () => {
    const alone = (k1: number) => both(k1).filter(({ release }) => release === CANDIDATE);
    const rule = againstFrozen(leaks, frozen, 0.01);
    assert.equal(judged(rule, alone(30), frozen, { reference: "sha256:none" }).kind, "harmful");
    assert.equal(judged(rule, alone(10), frozen, { reference: "sha256:none" }).kind, "healthy");
    const line = aRule({ signal: LEAKS, null: { ratio: 0, points: 3 } });
    assert.equal(judged(line, alone(25), frozen).kind, "harmful");
    assert.equal(judged(line, alone(5), frozen).kind, "healthy");
    assert.notEqual(judged(againstFrozen(leaks, [], 0.01), alone(30), []).kind, "harmful");
  });
});

describe("law 2, for values: a worse answer of the candidate, or one more of the worst", () => {
  const worlds = fc.record({
    seed: fc.nat(),
    second: fc.nat(19),
    place: fc.nat(3),
    added: fc.boolean(),
    slower: fc.double({ min: 0, max: 2, noNaN: true }),
    kind: fc.constantFrom("mean", "time", "time, anywhere"),
  });
  it("never lowers the evidence of harm", () => {
    fc.assert(
      fc.property(worlds, ({ seed, second, place, added, slower, kind }) => {
        const random = createSeededRandom(`values ${seed}`);
        const isMean = kind === "mean";
        const rule = isMean ? mood : kind === "time" ? slow : slowAnywhere;
        const draw = isMean ? () => random.next() * 2 - 1 : () => 0.2 + 2 * random.next() ** 3;
        const values = Array.from({ length: 20 }, () => [
          Array.from({ length: 1 + drawBinomial(random, 4, 0.5) }, draw),
          Array.from({ length: 12 }, draw),
        ]);
        const cellsOf = isMean ? scores : times;
        const frozen = [{ signal: rule.signal.name, n: 200, k: 0, cells: cellsOf(Array.from({ length: 200 }, draw)) }];
        const course = (own: readonly (readonly (readonly number[])[])[]) => {
          const evaluator = createEvaluator(aSetup({ rules: [rule], frozen, alpha: 0.01 }));
          return own.map(([candidate, stable], at) => {
            const row = (list: readonly number[], release: typeof STABLE) =>
              aSample(at, list.length, 0, { signal: rule.signal.name, cells: cellsOf(list), release });
            evaluator.observe([row(candidate!, CANDIDATE), row(stable!, STABLE)]);
            const verdict = evaluator.judge(START + 1000 * (at + 1));
            return { log: verdict.logEvidence, harmful: verdict.kind === "harmful" };
          });
        };
        const worst = isMean ? -1 : 50;
        const [candidate, stable] = values[second]!;
        const at = place % candidate!.length;
        // Of a time an answer need not become the slowest: any that takes longer will do.
        const turned = isMean || slower === 0 ? worst : candidate![at]! * (1 + slower);
        const worse = added ? [...candidate!, worst] : candidate!.with(at, turned);
        const [before, after] = [course(values), course(values.with(second, [worse, stable!]))];
        before.forEach(({ log, harmful }, at) => {
          if (harmful) assert.ok(after[at]!.harmful, `harm is gone at ${at}`);
          else assert.ok(after[at]!.harmful || after[at]!.log >= log - 1e-6, `${after[at]!.log} < ${log} at ${at}`);
        });
      }),
      { numRuns: runs(40) },
    );
  });
});
