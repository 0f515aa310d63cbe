import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  chanceOfLarger,
  classifyKayenta,
  type KayentaLabel,
  type KayentaMetric,
  meanRatio,
  percentile,
  withoutOutliers,
} from "./kayenta.ts";
import { judgeKayenta, type KayentaScoring, kayentaScore } from "./kayenta-score.ts";
import { mannWhitney, rankStatistic } from "./mann-whitney.ts";
import { normalQuantile } from "./normal-quantile.ts";

// The figures are Kayenta's own (Apache-2.0): test/outside/README.md names files and commit.
function outside<T>(file: string): T & { readonly series: Readonly<Record<string, readonly number[]>> } {
  return JSON.parse(readFileSync(new URL(`../../../test/outside/kayenta/${file}`, import.meta.url), "utf8"));
}

interface ClassifierCase {
  readonly line: number;
  readonly about: string;
  readonly experiment: string;
  readonly control: string;
  readonly tolerance: number;
  readonly confidence: number;
  readonly direction: "increase" | "decrease" | "either";
  readonly allowed?: readonly [number, number];
  readonly criticalAt?: readonly [number, number];
  readonly measure?: "cles";
  readonly nanStrategy?: "replace";
  readonly critical?: true;
  readonly label: string;
  readonly expectCritical?: boolean;
  readonly deviation?: number | "NaN";
}

const classifier = outside<{ readonly cases: readonly ClassifierCase[] }>("classifier.json");

for (const one of classifier.cases) {
  test(`ClassifierSuite.scala:${one.line}: ${one.about}`, () => {
    const metric: KayentaMetric = {
      name: one.about,
      groups: [],
      direction: one.direction,
      critical: one.critical ?? false,
      ...(one.nanStrategy && { nanStrategy: one.nanStrategy }),
      effectSize: {
        measure: one.measure ?? "meanRatio",
        allowedDecrease: one.allowed?.[0] ?? 1,
        allowedIncrease: one.allowed?.[1] ?? 1,
        criticalDecrease: one.criticalAt?.[0] ?? 1,
        criticalIncrease: one.criticalAt?.[1] ?? 1,
      },
    };
    const { label, critical, deviation } = classifyKayenta(
      metric,
      { experiment: classifier.series[one.experiment] ?? [], control: classifier.series[one.control] ?? [] },
      { confidence: one.confidence, tolerance: one.tolerance },
    );
    assert.equal(label, one.label.toLowerCase());
    if (one.expectCritical !== undefined) assert.equal(critical, one.expectCritical);
    if (one.deviation !== undefined) assert.equal(deviation, Number(one.deviation));
  });
}

test("all 34 Mann-Whitney cases of Kayenta's ClassifierSuite were there", () => {
  assert.equal(classifier.cases.length, 34);
});

interface IntervalCase {
  readonly line: number;
  readonly about: string;
  readonly x: string;
  readonly y: string;
  readonly z?: readonly (readonly [shift: number, value: number])[];
  readonly confidence: number;
  readonly low: number;
  readonly high: number;
  readonly estimate: number;
  readonly within: readonly [interval: number, estimate: number];
}

const intervals = outside<{ readonly cases: readonly IntervalCase[] }>("mann-whitney.json");

for (const one of intervals.cases) {
  test(`MannWhitneySuite.scala:${one.line}: ${one.about}`, () => {
    const x = intervals.series[one.x] ?? [];
    const y = intervals.series[one.y] ?? [];
    if (one.z !== undefined) {
      for (const [shift, value] of one.z) near(rankStatistic(x, y, shift), value, 1e-5);
      return;
    }
    const { low, high, estimate } = mannWhitney(x, y, one.confidence);
    near(low, one.low, one.within[0]);
    near(high, one.high, one.within[0]);
    near(estimate, one.estimate, one.within[1]);
  });
}

test("MannWhitneySuite.scala:466: the normal quantile of 1 % is -2.326348, and quantiles mirror", () => {
  near(normalQuantile(0.01), -2.326348, 1e-6);
  near(normalQuantile(0.025), -1.9599639845400536, 1e-12);
  assert.equal(normalQuantile(0.9), -normalQuantile(1 - 0.9));
  assert.equal(normalQuantile(0.5), 0);
});

test("percentiles, effect sizes and outliers are those of Kayenta's StatisticSuite and DetectorSuite", () => {
  const nist = [
    95.1772, 95.1567, 95.1937, 95.1959, 95.1442, 95.061, 95.1591, 95.1195, 95.1772, 95.0925, 95.199, 95.1682,
  ];
  near(percentile(nist, 90), 95.19568, 1e-9);
  near(percentile([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5], 5), 0.175, 1e-9);
  assert.equal(percentile([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 50), 4.5);
  assert.equal(percentile([1], 100), 1);
  assert.equal(chanceOfLarger([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]), 0.5);
  assert.equal(chanceOfLarger([25, 26], [2, 3]), 0);
  assert.equal(meanRatio([1, 1, 1], [10, 10, 10]), 10);
  assert.equal(meanRatio([100, 100], [10, 10]), 0.1);
  assert.ok(Number.isNaN(meanRatio([0, 0], [10, 10])));
  // The judge widens the fences to the middle 98 %, so the suite's case has 50 outside only with more values around it.
  const many = Array.from({ length: 20 }, () => [21, 23, 24, 25, 29, 23, 21]).flat();
  assert.deepEqual(withoutOutliers([...many, 50], 1.5), many);
  assert.deepEqual(withoutOutliers([], 1.5), []);
});

test("a metric takes its series as configured: outliers out, missing values out or 0", () => {
  const steady = Array.from({ length: 120 }, (_, at) => 10 + (at % 7) / 10);
  const spiked = steady.map((value, at) => (at === 50 ? 900 : value));
  const metric = { name: "cpu", groups: [] };
  assert.equal(classifyKayenta({ ...metric, outlierFactor: 3 }, { control: steady, experiment: spiked }).label, "pass");
  const gap = [Number.NaN, Number.NaN, Number.NaN];
  assert.equal(classifyKayenta(metric, { control: steady, experiment: gap }).label, "nodata");
  assert.equal(
    classifyKayenta({ ...metric, mustHaveData: true }, { control: steady, experiment: gap }).label,
    "nodata-fail-metric",
  );
  assert.equal(
    classifyKayenta({ ...metric, nanStrategy: "replace" }, { control: [5, 6, 7, 8, 9], experiment: gap.concat(0, 0) })
      .label,
    "low",
  );
});

type Row = readonly [
  about: string,
  metrics: readonly string[],
  score: number,
  weights?: KayentaScoring["groupWeights"],
];

// ScorerSuite.scala, its thirteen cases in order: each metric is "group label", with "!" where it is critical.
const scorer: readonly Row[] = [
  ["single pass", ["g pass"], 100],
  ["single fail", ["g high"], 0],
  ["single group without data", ["g nodata"], 0],
  ["one group passes, one has no data", ["g pass", "g pass", "h nodata"], 100],
  ["one group, two metrics", ["g pass", "g high"], 50],
  ["one group, three metrics", ["g pass", "g high", "g low"], 33.33],
  ["two groups, three metrics", ["g pass", "g pass", "h high"], 75, { g: 75, h: 25 }],
  ["two groups of equal weight", ["g pass", "g high", "h high"], 25, { g: 50, h: 50 }],
  ["two groups, one metric without data", ["g pass", "g nodata", "h high"], 50, { g: 50, h: 50 }],
  ["a critical failure", ["g pass", "g high!"], 0],
  ["a critical pass", ["g low", "g pass!"], 50],
  ["critical without data", ["g pass", "g nodata!"], 0],
  ["two groups of unequal weight", ["g high", "g low", "g pass", "h high"], 5, { g: 15, h: 85 }],
];

for (const [about, metrics, score, weights] of scorer) {
  test(`ScorerSuite.scala: ${about} scores ${score}`, () => {
    const labelled = metrics.map((text) => {
      const [group = "", label = ""] = text.replace("!", "").split(" ");
      return { groups: [group], label: label as KayentaLabel, critical: text.endsWith("!") };
    });
    assert.equal(kayentaScore(labelled, weights), score);
  });
}

test("a judgement passes, is marginal or fails by its thresholds, and muted metrics do not count", () => {
  // application-cases.yml of kayenta-integration-tests: cpu alike, cpu from 10-20 to 20-23, and a muted outage.
  const steady = between(40, 45);
  const alike = { name: "cpu", groups: ["g"], control: steady, experiment: between(39, 46) };
  const shifted = { name: "cpu", groups: ["g"], control: between(10, 20), experiment: between(20.1, 23) };
  const muted = { ...alike, name: "failing", muted: true, experiment: steady.map(() => 1000) };
  const thresholds = { pass: 95, marginal: 50 };
  assert.deepEqual(
    [[alike], [alike, shifted], [shifted], [muted, alike]].map((metrics) => judgeKayenta(metrics, thresholds).verdict),
    ["pass", "marginal", "fail", "pass"],
  );
  assert.deepEqual(
    judgeKayenta([muted, alike], thresholds).metrics.map((metric) => [metric.name, metric.label]),
    [
      ["failing", "high"],
      ["cpu", "pass"],
    ],
  );
});

test("one value an arm cannot be ranked: the classification is an error, and the score is 100", () => {
  const outage = { name: "errors", groups: ["g"], control: [0], experiment: [100] };
  const judgement = judgeKayenta([outage, { ...outage, name: "5xx" }], { pass: 95, marginal: 75 });
  assert.deepEqual(
    judgement.metrics.map((metric) => metric.label),
    ["error", "error"],
  );
  assert.deepEqual([judgement.score, judgement.verdict], [100, "pass"]);
});

test("published wrong verdict, spinnaker 6278: 7 of 10 values at 100 against 1 pass, with the interval that was reported", () => {
  const control = Array.from({ length: 10 }, () => 1);
  const experiment = control.map((value, at) => (at < 3 ? value : 100));
  assert.equal(classifyKayenta({ name: "errors", groups: [] }, { control, experiment }).label, "pass");
  const { low, high, estimate } = mannWhitney(experiment, control, 0.98);
  near(low, 6.825022991538781e-5, 1e-9);
  assert.equal(high, 99);
  near(estimate, 98.99992904170193, 1e-9);
});

test("an error of ours is not hidden as one of Kayenta's", () => {
  const broken = {
    name: "x",
    groups: [],
    get effectSize(): never {
      throw new TypeError("broken");
    },
  };
  assert.throws(() => classifyKayenta(broken, { control: [1, 2], experiment: [3, 4] }), TypeError);
});

function between(low: number, high: number): readonly number[] {
  return Array.from({ length: 30 }, (_, at) => low + ((high - low) * ((at * 7) % 30)) / 30);
}

function near(found: number, expected: number, within: number): void {
  assert.ok(Math.abs(found - expected) <= within, `${found} is not ${expected}`);
}
