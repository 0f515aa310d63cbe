import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { bucketOf, SCORE_PARTS } from "../core/cells.ts";
import { digestOf } from "../core/digest.ts";
import type { Signal } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import { runs } from "../testing/runs.fixture.ts";
import { createEvaluator } from "./evaluator.ts";
import type { Rule } from "./rule.ts";
import { aLimit, aRule, aSample, aSetup, CANDIDATE, LOSSES, STABLE, START } from "./stream.fixture.ts";

const MOOD: Signal = { ...LOSSES, name: "mood", kind: "mean", range: [-1, 1], better: "up" };
const LATENCY: Signal = { ...LOSSES, name: "latency", kind: "time", unit: "seconds" };
const late: Signal = { ...LOSSES, name: "late", labels: 4000 };
const slowCell = bucketOf(3);
const frozen = [
  { signal: "losses", n: 1000, k: 80, groups: { "kind=a": { n: 500, k: 40 }, "kind=b": { n: 500, k: 40 } } },
  { signal: "late", n: 1000, k: 80 },
  { signal: "mood", n: 100, k: 0, cells: [[SCORE_PARTS, 100]] as const },
  { signal: "latency", n: 100, k: 0, cells: [[bucketOf(1), 100]] as const },
];
/** Each kind of claim, and what makes it look at the clock. */
const claims: readonly Rule[] = [
  aRule(),
  aRule({ name: "common", null: { ratio: 1, points: 0.05 } }),
  aRule({ name: "alone", null: { ratio: 0, points: 0.1 } }),
  aRule({ name: "recent", within: 5000 }),
  aRule({ name: "calibrated", calibrated: { share: 0.3 } }),
  aRule({ name: "late", signal: late }),
  aRule({ name: "segments", inAny: "kind" }),
  {
    test: "parity",
    name: "unfair",
    signal: LOSSES,
    claim: "",
    across: "kind",
    null: { ratio: 1, points: 0.05 },
    badIs: "part",
  },
  { test: "mean", name: "sad", signal: MOOD, claim: "", null: { ratio: 1, points: 0.05 } },
  { test: "time", name: "slow", signal: LATENCY, claim: "", quantile: 0.9, by: 0.2 },
  { test: "time", name: "unknown", signal: { ...LATENCY, name: "new" }, claim: "", quantile: 0.9, by: 0.2 },
];

const step = fc.record({
  /** Nothing, or outcomes of one signal of a second that lies so far back. */
  news: fc.option(
    fc.record({
      signal: fc.constantFrom("losses", "losses", "late", "mood", "latency"),
      ago: fc.nat(6),
      candidate: fc.nat(9),
      bad: fc.constantFrom(0, 0, 0, 0, 1, 2),
      reference: fc.nat(80),
      group: fc.constantFrom(undefined, "kind=a", "kind=b"),
    }),
    { nil: undefined, freq: 2 },
  ),
  /** A clock may be set back, and may stand. */
  passed: fc.constantFrom(0, 20, 500, 1000, 2000, 4000, -1000),
});
const worlds = fc.record({
  rules: fc.uniqueArray(fc.constantFrom(...claims), { minLength: 1, maxLength: 3 }),
  limits: fc.subarray([aLimit({ over: 3000 }), aLimit({ name: "run", min: 5, inARow: 5 })]),
  steps: fc.array(step, { minLength: 5, maxLength: 40 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function samplesOf({ news }: Step, now: number, sequence: number): readonly Sample[] {
  if (!news) return [];
  const { signal, ago, group } = news;
  const second = Math.max(0, Math.floor((now - START) / 1000) - ago);
  const row = (release: Sample["release"], n: number, bad: number) => {
    const fields = { signal, release, sequence, known: now, ...(group === undefined ? {} : { group }) };
    if (signal !== "mood" && signal !== "latency") return aSample(second, n, bad, fields);
    const [good, poor] = signal === "mood" ? [SCORE_PARTS, 0] : [bucketOf(1), slowCell];
    const cells = (
      [
        [good, n - bad],
        [poor, bad],
      ] as const
    ).toSorted(([a], [b]) => a - b);
    return aSample(second, n, 0, { ...fields, cells });
  };
  const k = Math.min(news.bad, news.candidate);
  return [row(CANDIDATE, news.candidate, k), row(STABLE, news.reference, Math.floor(news.reference / 12))];
}

/** What says nothing, and makes an evaluator look again. */
const nothingNew = (sequence: number) =>
  aSample(0, 1, 0, { node: "elsewhere", sequence, signal: "nobody's", release: digestOf("nobody") });

it("a verdict that stands is the one that looking again would give, at whatever moment and for every kind of claim", () => {
  let stood = 0;
  fc.assert(
    fc.property(worlds, ({ rules, limits, steps }) => {
      const setup = aSetup({
        rules,
        hardLimits: limits.map((limit) => ({ limit, signal: LOSSES })),
        frozen,
        blindMs: 3000,
      });
      const [stands, looks] = [createEvaluator(setup), createEvaluator(setup)];
      let now = START;
      let before = stands.judge(now);
      looks.judge(now);
      for (const [index, one] of steps.entries()) {
        now = Math.max(START, now + one.passed);
        const samples = samplesOf(one, now, index + 1);
        stands.observe(samples);
        looks.observe(samples);
        looks.observe([nothingNew(index + 1)]);
        const verdict = stands.judge(now);
        assert.deepEqual(verdict, looks.judge(now));
        if (verdict.kind !== "harmful" && verdict.findings === before.findings) stood += 1;
        before = verdict;
      }
    }),
    { seed: 1, numRuns: runs(300) },
  );
  assert.ok(stood > 10, `${stood} verdicts stood`);
});

it("what time alone changes is seen without news: silence, and labels that come of age", () => {
  const outcomes = (signal: string) => [
    aSample(0, 9, 2, { signal, sequence: 1 }),
    aSample(0, 80, 6, { signal, sequence: 1, release: STABLE }),
  ];
  const seen = createEvaluator(aSetup({ blindMs: 3000 }));
  seen.observe(outcomes("losses"));
  const kinds = [1000, 3000, 3001, 9000].map((passed) => seen.judge(START + passed).kind);
  assert.deepEqual(kinds, ["inconclusive", "inconclusive", "no-data", "no-data"]);

  // Nobody waits for stable's reports where it may serve nothing any more.
  const silent = 1000 + 4000 + 60_000;
  const aged = createEvaluator(aSetup({ rules: [aRule({ signal: late })], frozen, alone: START + 3000 }));
  aged.observe(outcomes("late"));
  const [young, stillYoung, old] = [1000, silent - 1, silent].map((passed) => aged.judge(START + passed).logEvidence);
  assert.deepEqual([young, stillYoung], [0, 0]);
  assert.notEqual(old, 0);

  const waiting = createEvaluator(aSetup({ rules: [aRule({ signal: late })], frozen, alone: START + 90_000 }));
  waiting.observe(outcomes("late"));
  const [waits, stillWaits, over] = [silent, 89_999, 90_000].map((passed) => waiting.judge(START + passed).logEvidence);
  assert.deepEqual([waits, stillWaits], [0, 0]);
  assert.notEqual(over, 0);
});
