import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ArgoCondition,
  type ArgoMetric,
  type ArgoPhase,
  type ArgoResult,
  argoMeasured,
  argoPhaseOf,
  assessArgoMetric,
  assessArgoRun,
  NOT_MEASURED,
  nextArgoMeasurement,
} from "./argo.ts";

// Truth tables of argoproj/argo-rollouts at 9f8d111d (Apache-2.0): test/outside/README.md. Lines are those of the files.

const conditions: readonly (readonly [line: number, success: ArgoCondition, failure: ArgoCondition, ArgoPhase])[] = [
  [18, true, false, "successful"],
  [29, true, true, "failed"],
  [41, false, false, "inconclusive"],
  [52, undefined, false, "successful"],
  [63, false, undefined, "failed"],
  [74, undefined, undefined, "successful"],
  [85, "broken", true, "error"],
  [96, true, "broken", "error"],
];

for (const [line, success, failure, phase] of conditions) {
  test(`evaluate_test.go:${line}: success ${success} and failure ${failure} is ${phase}`, () => {
    assert.equal(argoPhaseOf(success, failure), phase);
  });
}

type Row = readonly [
  line: number,
  metric: Partial<ArgoMetric>,
  result: Partial<ArgoResult>,
  going: ArgoPhase,
  terminating: ArgoPhase,
];

const failed = { last: { phase: "failed", finishedAt: 0 } } as const;
const forever = { failureLimit: -1, interval: 60 };
const three = { ...failed, failed: 3, successful: 4, consecutiveSuccess: 3, count: 7 };
const both = { failureLimit: 4, consecutiveSuccessLimit: 4, interval: 60 };
const counts = (failures: number, count: number, consecutiveSuccess: number): Partial<ArgoResult> => {
  return { ...failed, failed: failures, count, consecutiveSuccess };
};

const table: readonly Row[] = [
  [545, {}, {}, "pending", "successful"],
  [569, {}, { last: { phase: "running" }, successful: 1, count: 1 }, "running", "running"],
  [589, { failureLimit: 2, interval: 60 }, { ...failed, failed: 3, count: 3 }, "failed", "failed"],
  [593, { failureLimit: 3, interval: 60 }, { ...failed, failed: 3, count: 3 }, "running", "successful"],
  [623, { ...forever, consecutiveSuccessLimit: 3 }, three, "successful", "successful"],
  [629, { ...forever, consecutiveSuccessLimit: 5 }, three, "running", "successful"],
  [640, { ...forever, consecutiveSuccessLimit: 5, count: 7 }, three, "failed", "failed"],
  [646, { ...forever, consecutiveSuccessLimit: 3, count: 7 }, three, "successful", "successful"],
  [654, { ...forever, consecutiveSuccessLimit: 3, count: 9 }, three, "successful", "successful"],
  [660, { ...forever, consecutiveSuccessLimit: 5, count: 9 }, three, "running", "successful"],
  [690, both, counts(3, 7, 3), "running", "successful"],
  [698, both, counts(5, 9, 0), "failed", "failed"],
  [706, both, counts(3, 8, 4), "successful", "successful"],
  [714, both, counts(5, 10, 4), "failed", "failed"],
  [730, { ...both, count: 10 }, counts(4, 10, 3), "inconclusive", "inconclusive"],
  [739, { ...both, count: 10 }, counts(5, 10, 3), "failed", "failed"],
  [748, { ...both, count: 10 }, counts(4, 10, 4), "successful", "successful"],
  [757, { ...both, count: 10 }, counts(5, 10, 4), "failed", "failed"],
  [768, { ...both, count: 10 }, counts(3, 8, 3), "running", "successful"],
  [777, { ...both, count: 10 }, counts(5, 8, 3), "failed", "failed"],
  [786, { ...both, count: 10 }, counts(3, 8, 4), "successful", "successful"],
  [795, { ...both, count: 10 }, counts(5, 9, 4), "failed", "failed"],
  [
    816,
    { inconclusiveLimit: 2, interval: 60 },
    { ...failed, inconclusive: 3, count: 3 },
    "inconclusive",
    "inconclusive",
  ],
  [820, { inconclusiveLimit: 3, interval: 60 }, { ...failed, inconclusive: 3, count: 3 }, "running", "successful"],
  [838, { interval: 60 }, { ...failed, consecutiveError: 5, count: 5 }, "error", "error"],
  [841, { interval: 60 }, { ...failed, consecutiveError: 4, count: 5 }, "running", "successful"],
  [861, { count: 10 }, { ...failed, successful: 10, count: 10 }, "successful", "successful"],
  [864, { count: 10 }, { ...failed, successful: 5, inconclusive: 5, count: 10 }, "inconclusive", "inconclusive"],
  [1756, {}, { ...failed, failed: 1 }, "failed", "failed"],
  [1768, {}, { ...failed, inconclusive: 1 }, "inconclusive", "inconclusive"],
  [1778, {}, { ...failed, consecutiveError: 5 }, "error", "error"],
];

for (const [line, metric, result, going, terminating] of table) {
  test(`analysis_test.go:${line}: ${going}, and ${terminating} when the run ends`, () => {
    const named = { name: "success-rate", ...metric };
    assert.equal(assessArgoMetric(named, { ...NOT_MEASURED, ...result }, false), going);
    assert.equal(assessArgoMetric(named, { ...NOT_MEASURED, ...result }, true), terminating);
  });
}

function run(results: readonly (Partial<ArgoResult> & { readonly dryRun?: boolean })[], terminate = false) {
  const metrics = results.map(({ dryRun = false, ...result }, at) => {
    return { metric: { name: String(at), dryRun }, result: { ...NOT_MEASURED, ...result } };
  });
  return assessArgoRun({ metrics, terminate });
}

test("analysis_test.go:459: a run goes on while one metric does", () => {
  assert.equal(run([{ phase: "successful" }, { last: { phase: "running" } }]).phase, "running");
});

test("analysis_test.go:478: an ended run is as bad as its worst metric", () => {
  assert.equal(run([{ phase: "successful" }, { phase: "failed" }]).phase, "failed");
});

test("analysis_test.go:531: a metric that has failed says so while its sibling still runs", () => {
  const { phase, metrics } = run([{ last: { phase: "running" } }, { ...failed, failed: 1, count: 1 }]);
  assert.deepEqual([phase, metrics], ["running", ["running", "failed"]]);
});

test("analysis_test.go:1154: one bad metric ends its sibling", () => {
  for (const phase of ["failed", "inconclusive", "error"] as const) {
    const sibling = argoMeasured(NOT_MEASURED, "inconclusive", 0);
    assert.deepEqual(run([sibling, { phase }]), { phase, metrics: ["inconclusive", phase] });
  }
});

test("analysis_test.go:1810 and 1897: failed dry runs leave the run successful", () => {
  assert.equal(
    run([
      { phase: "successful", dryRun: true },
      { phase: "failed", dryRun: true },
    ]).phase,
    "successful",
  );
  assert.equal(
    run([
      { phase: "failed", dryRun: true },
      { phase: "failed", dryRun: true },
    ]).phase,
    "successful",
  );
});

test("analysis_test.go:2028: a failed dry run beside an inconclusive metric is inconclusive", () => {
  const inconclusive = argoMeasured(NOT_MEASURED, "inconclusive", 0);
  assert.equal(run([inconclusive, { ...failed, failed: 1, count: 1, dryRun: true }]).phase, "inconclusive");
});

test("analysis_test.go:2098: a run that is ended before its first measurement is successful", () => {
  assert.equal(
    assessArgoRun({ metrics: [{ metric: { name: "late", initialDelay: 20 } }], terminate: true }).phase,
    "successful",
  );
  assert.equal(assessArgoRun({ metrics: [{ metric: { name: "late", initialDelay: 20 } }] }).phase, "running");
});

test("analysis_test.go:1248: an error counts in a row, not as a measurement, and anything else ends the row", () => {
  const four = { ...NOT_MEASURED, count: 4, error: 4, consecutiveError: 4 };
  const fifth = argoMeasured(four, "error", 9);
  assert.deepEqual([fifth.count, fifth.error, fifth.consecutiveError], [4, 5, 5]);
  const good = argoMeasured(four, "successful", 9);
  assert.deepEqual([good.count, good.error, good.consecutiveError, good.consecutiveSuccess], [5, 4, 0, 1]);
  assert.equal(argoMeasured(good, "failed", 10).consecutiveSuccess, 0);
});

type Next = readonly [line: number, metric: Partial<ArgoMetric>, result: Partial<ArgoResult>, at: number | undefined];
const at = (finishedAt: number, phase: ArgoPhase = "successful"): Partial<ArgoResult> => ({
  last: { phase, finishedAt },
});

// Now is 0; the run began at -30.
const schedule: readonly Next[] = [
  [892, { interval: 60 }, at(-30), 30],
  [896, { interval: 60 }, { last: { phase: "running" } }, undefined],
  [908, { interval: 60 }, { phase: "successful", ...at(-120) }, undefined],
  [944, { interval: 60, initialDelay: 40 }, {}, 10],
  [975, { count: 1 }, { phase: "successful", ...at(0) }, undefined],
  [259, {}, { count: 1, ...at(-50) }, undefined],
  [268, {}, {}, -30],
  [1081, {}, { error: 1, ...at(0, "error") }, 10],
  [1086, { interval: 300 }, { error: 1, ...at(0, "error") }, 10],
];

for (const [line, metric, result, expected] of schedule) {
  test(`analysis_test.go:${line}: the next measurement is ${expected === undefined ? "never" : `at ${expected}`}`, () => {
    assert.equal(nextArgoMeasurement({ name: "m", ...metric }, { ...NOT_MEASURED, ...result }, -30), expected);
  });
}

test("published wrong verdict, argo-rollouts 4479: errors only, below their limit, end as successful", () => {
  const errors = [1, 2, 3, 4].reduce((result, second) => argoMeasured(result, "error", second), NOT_MEASURED);
  assert.equal(errors.successful, 0);
  assert.equal(
    assessArgoRun({ metrics: [{ metric: { name: "m", interval: 60 }, result: errors }], terminate: true }).phase,
    "successful",
  );
});
