import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../core/sample.ts";
import type { VerdictKind } from "../core/verdict.ts";
import { drawBinomial } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import {
  argoMeasured,
  argoPhaseOf,
  assessArgoMetric,
  assessArgoRun,
  NOT_MEASURED,
} from "../statistics/incumbents/argo.ts";
import { classifyKayenta } from "../statistics/incumbents/kayenta.ts";
import { judgeKayenta } from "../statistics/incumbents/kayenta-score.ts";
import { createEvaluator, type EvaluatorSetup } from "./evaluator.ts";
import { aRule, aSample, aSetup, LOSSES, STABLE, START } from "./stream.fixture.ts";

// Verdicts of others that users published as wrong, or that their own rules give. Each line has what they say, by their
// own semantics (src/statistics/incumbents), and what this evaluator says of the same data. A share of a minute is taken
// as that share of PER_MINUTE requests, because their values do not say of how many they are.

const PER_MINUTE = 100;
const MINUTE = 60;

type Shares = readonly number[];

function minutes(shares: Shares, release?: string, n = PER_MINUTE): readonly Sample[] {
  return shares.map((share, at) => {
    const sequence = at + 1;
    return aSample(at * MINUTE, n, Math.round(share * n), {
      sequence,
      ...(release !== undefined && { release: STABLE }),
    });
  });
}

/** The verdict after all of it, as an order of arrival: minute by minute. */
function judged(samples: readonly Sample[], setup: Partial<EvaluatorSetup> = {}, lasting = 60): VerdictKind {
  const evaluator = createEvaluator(
    aSetup({
      frozen: [{ signal: "losses", n: 10_000, k: 50 }],
      horizon: lasting * MINUTE * 1000,
      blindMs: 5 * MINUTE * 1000,
      ...setup,
    }),
  );
  const inOrder = samples.map((sample, at) => ({ ...sample, sequence: at + 1 }));
  evaluator.observe(inOrder);
  const last = Math.max(START, ...samples.map(({ bucket }) => bucket));
  return evaluator.judge(last + 1000).kind;
}

/** Kayenta's label and ours for two series of shares, in percent there. */
function kayentaLabel(experiment: Shares, control: Shares): string {
  const percent = (shares: Shares) => shares.map((share) => 100 * share);
  const series = { experiment: percent(experiment), control: percent(control) };
  return classifyKayenta({ name: "errors", groups: ["app"], direction: "increase" }, series).label;
}

const zeros = (length: number): Shares => Array.from({ length }, () => 0);
const errors = (count: number) =>
  Array.from({ length: count }).reduce<typeof NOT_MEASURED>(
    (result, _, at) => argoMeasured(result, "error", at),
    NOT_MEASURED,
  );

interface Line {
  readonly about: string;
  readonly source: string;
  readonly theirs: () => string;
  readonly says: string;
  readonly ours: () => VerdictKind;
  readonly right: VerdictKind;
}

const outage = {
  experiment: [...Array.from({ length: 35 }, () => 0.003), ...Array.from({ length: 25 }, () => 1)],
  control: Array.from({ length: 60 }, () => 0.003),
};
const jumps = { experiment: [1, 1, 1, 1, 1, 1, 1, 0.01, 0.01, 0.01], control: Array.from({ length: 10 }, () => 0.01) };
const redirects = { experiment: [0, 0.048, 0, 0.18, 0.089, 0, 0.098, 0.035, 0, 0], control: zeros(10) };

const table: readonly Line[] = [
  {
    about: "seven of ten minutes at 100 % errors against 1 %",
    source: "spinnaker/spinnaker#6278, comment of 2021-07-12",
    theirs: () => kayentaLabel(jumps.experiment, jumps.control),
    says: "pass",
    ours: () => judged([...minutes(jumps.experiment), ...minutes(jumps.control, STABLE)]),
    right: "harmful",
  },
  {
    about: "errors in half of the minutes, none in the baseline",
    source: "spinnaker/spinnaker#5622",
    theirs: () => kayentaLabel(redirects.experiment, redirects.control),
    says: "pass",
    ours: () => judged([...minutes(redirects.experiment), ...minutes(redirects.control, STABLE)]),
    right: "harmful",
  },
  {
    about: "four errors in six minutes, none in the baseline: too few to know, and no pass",
    source: "spinnaker/kayenta#426",
    theirs: () => kayentaLabel([0, 0.01, 0.02, 0.01, 0, 0], zeros(6)),
    says: "pass",
    ours: () => judged([...minutes([0, 0.01, 0.02, 0.01, 0, 0]), ...minutes(zeros(6), STABLE)]),
    right: "inconclusive",
  },
  {
    about: "a total outage in the last 25 of 60 minutes",
    source: "by the judge's own rule: the interval must clear a quarter of the estimate",
    theirs: () => kayentaLabel(outage.experiment, outage.control),
    says: "pass",
    ours: () => judged([...minutes(outage.experiment), ...minutes(outage.control, STABLE)]),
    right: "harmful",
  },
  {
    about: "one minute, all requests fail: the classification throws, and its group scores 100",
    source: "WeightedSumScorer.scala and NetflixACAJudge.scala, spinnaker/kayenta a69573be",
    theirs: () =>
      judgeKayenta([{ name: "errors", groups: ["app"], experiment: [100], control: [0] }], { pass: 95, marginal: 75 })
        .verdict,
    says: "pass",
    ours: () => judged([...minutes([1]), ...minutes([0], STABLE)]),
    right: "harmful",
  },
  {
    about: "a canary without data, replaced by 0",
    source: "nanStrategy `replace`, docs/canary-config.md of spinnaker/kayenta",
    theirs: () => {
      const silent = Array.from({ length: 10 }, () => Number.NaN);
      const metric = { name: "errors", groups: ["app"], direction: "increase", nanStrategy: "replace" } as const;
      return classifyKayenta(metric, { experiment: silent, control: [1, 2, 1, 3, 1, 2, 1, 1, 2, 1] }).label;
    },
    says: "pass",
    ours: () => judged(minutes([0.01, 0.02, 0.01, 0.03], STABLE)),
    right: "no-data",
  },
  {
    about: "one metric of three without data",
    source: "WeightedSumScorer.scala: missing metrics lower nothing below half of them",
    theirs: () => {
      const good = { groups: ["app"], experiment: [1, 2, 3, 4, 5], control: [5, 4, 3, 2, 1] };
      const metrics = [
        { name: "a", ...good },
        { name: "b", ...good },
        { name: "c", ...good, experiment: [Number.NaN] },
      ];
      return judgeKayenta(metrics, { pass: 95, marginal: 75 }).verdict;
    },
    says: "pass",
    ours: () => {
      const silent = aRule({ name: "complaining", signal: { ...LOSSES, name: "complaints" } });
      const frozen = ["losses", "complaints"].map((signal) => ({ signal, n: 10_000, k: 50 }));
      const good = Array.from({ length: 60 }, () => 0.005);
      return judged([...minutes(good), ...minutes(good, STABLE)], { rules: [aRule(), silent], frozen });
    },
    right: "no-data",
  },
  {
    about: "a run whose only measurements are errors, ended early",
    source: "argoproj/argo-rollouts#4479",
    theirs: () =>
      assessArgoRun({ metrics: [{ metric: { name: "m", interval: 60 }, result: errors(4) }], terminate: true }).phase,
    says: "successful",
    ours: () => judged([]),
    right: "no-data",
  },
  {
    about: "a run that is ended before its first measurement",
    source: "analysis_test.go:2096, argoproj/argo-rollouts 9f8d111d",
    theirs: () => assessArgoRun({ metrics: [{ metric: { name: "m", initialDelay: 20 } }], terminate: true }).phase,
    says: "successful",
    ours: () => judged(minutes([0.01], STABLE)),
    right: "no-data",
  },
  {
    about: "no value at all, and a condition that takes NaN for success",
    source: "`isNaN(result) || result >= 0.95`, docs/features/analysis.md of argoproj/argo-rollouts",
    theirs: () => argoPhaseOf(true, undefined),
    says: "successful",
    ours: () => judged([]),
    right: "no-data",
  },
  {
    about: "one bad answer of ten, above a threshold of 5 %, nothing tolerated",
    source: "failureLimit 0 is Argo's default",
    theirs: () => assessArgoMetric({ name: "errors" }, argoMeasured(NOT_MEASURED, "failed", 0), false),
    says: "failed",
    ours: () => {
      const above = aRule({ name: "too-many", claim: "losses above 5 %", null: { ratio: 0, points: 0.05 } });
      return judged([...minutes([0.1], undefined, 10), ...minutes([0], STABLE, 10)], { rules: [above] });
    },
    right: "inconclusive",
  },
];

for (const { about, source, theirs, says, ours, right } of table) {
  test(`${about}: theirs says ${says}, ours ${right} (${source})`, () => {
    assert.equal(theirs(), says);
    assert.equal(ours(), right);
  });
}

test("a healthy candidate through eight hours of small windows: failureLimit 3 gives up, ours does not", () => {
  // 0.3 % errors in both arms, 50 requests a minute, a threshold of 0.8 %: one error in a window is above it.
  const random = createSeededRandom(20_260_730);
  const draw = () => Array.from({ length: 480 }, () => drawBinomial(random, 50, 0.003) / 50);
  const [canary, stable] = [draw(), draw()];
  const metric = { name: "errors", interval: 60, failureLimit: 3 };
  const result = canary.reduce(
    (state, share, at) => argoMeasured(state, share > 0.008 ? "failed" : "successful", at),
    NOT_MEASURED,
  );
  assert.equal(assessArgoMetric(metric, result, false), "failed");
  const samples = [...minutes(canary, undefined, 50), ...minutes(stable, STABLE, 50)];
  assert.notEqual(judged(samples, { frozen: [{ signal: "losses", n: 10_000, k: 30 }] }, 480), "harmful");
});

test("a known loser goes back when it is known, not when its step of twelve hours is over", () => {
  // GrowthBook holds a failing guardrail to the end of its step (rampScheduleEvaluator, growthbook/growthbook 8f1db44569).
  const random = createSeededRandom(7);
  const evaluator = createEvaluator(
    aSetup({ frozen: [{ signal: "losses", n: 100_000, k: 300 }], horizon: 43_200_000, blindMs: 60_000 }),
  );
  let second = 0;
  for (let kind: VerdictKind = "no-data"; kind !== "harmful" && second < 43_200; second++) {
    const at = { bucket: START + 1000 * second };
    evaluator.observe([
      aSample(second, 25, drawBinomial(random, 25, 0.02), { ...at, sequence: 2 * second + 1 }),
      aSample(second, 25, drawBinomial(random, 25, 0.003), { ...at, sequence: 2 * second + 2, release: STABLE }),
    ]);
    kind = evaluator.judge(START + 1000 * second + 1000).kind;
  }
  assert.ok(second < 600, `${second} s`);
});
