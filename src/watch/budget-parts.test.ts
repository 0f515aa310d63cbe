import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  AS_IT_COMES,
  HOLDBACK,
  MOST_GROUPS,
  pairParts,
  recentStarts,
  segmentParts,
  WHOLE,
} from "../core/error-budget.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import { logMixture, logWeightsOf } from "../statistics/index.ts";
import { FIRST } from "../statistics/late-evidence.ts";
import { runs } from "../testing/runs.fixture.ts";
import { createEvaluator, type EvaluatorSetup } from "./evaluator.ts";
import { shareHypothesis } from "./hypothesis/share.ts";
import type { ParityRule, Rule } from "./rule.ts";
import { APPROVALS, aRule, aSample, aSetup, LOSSES, STABLE, START } from "./stream.fixture.ts";

// What each part of the error budget weighs, seen from outside: the evidence of one part alone, against the same evidence by itself.

const COUNTED = { ...LOSSES, from: "prometheus" };
const whole = aRule({ signal: COUNTED });
const inAny: Rule = { ...whole, inAny: "language" };
const parity: ParityRule = {
  test: "parity",
  name: "unfair",
  signal: { ...APPROVALS, from: "prometheus" },
  claim: "approvals of the groups differ",
  null: { ratio: 1, points: 0.08 },
  badIs: "rest",
  across: "language",
};
const counts = { n: 10_000, k: 600 };
const named = (number: number) => `language=${number}`;

/** A window that has seen so many groups, each with the whole's rate. */
function seen(signal: string, groups: number): FrozenWindow[] {
  const known = Array.from({ length: groups }, (_, number) => [named(number), counts] as const);
  return [{ signal, ...counts, groups: Object.fromEntries(known) }];
}

function judged(rule: Rule, samples: readonly Sample[], setup: Partial<EvaluatorSetup> = {}) {
  const evaluator = createEvaluator(aSetup({ rules: [rule], blindMs: 1e9, ...setup }));
  evaluator.observe(samples);
  return evaluator.judge(START + 1000);
}
const logHarm = (...input: Parameters<typeof judged>) => judged(...input).findings[0]!.logHarm;

/** One second with so much harm that what it weighs decides, and nothing else does. */
const harm = (group?: string) => [
  aSample(0, 400, 300, group === undefined ? {} : { group }),
  aSample(0, 6000, 360, { release: STABLE, ...(group === undefined ? {} : { group }) }),
];
const apart = (worse: string, better: string) => [
  aSample(0, 200, 20, { signal: "approvals", group: worse }),
  aSample(0, 200, 180, { signal: "approvals", group: better }),
];
const near = (found: number, expected: number, about: unknown = "") =>
  assert.ok(Math.abs(found - expected) < 1e-6, `${found}, not ${expected} ${about}`);
const alone = logHarm(whole, harm(), { frozen: seen("losses", 0) });

test("without evidence no claim weighs more than its budget, whatever it is spread over", () => {
  const property = fc.property(
    fc.constantFrom<Rule>(whole, inAny, parity, { ...whole, within: 20_000 }, { ...inAny, signal: LOSSES }, aRule()),
    fc.nat(MOST_GROUPS),
    fc.array(fc.nat(40), { maxLength: 40 }),
    fc.constantFrom(0, 60_000, 86_400_000),
    fc.integer({ min: 1, max: 5 }),
    (rule, known, met, holdback, rules) => {
      const signal = rule.signal.name;
      const nothing = [undefined, ...met.map(named)].flatMap((group) =>
        [{}, { release: STABLE }].map((of) => aSample(0, 0, 0, { signal, ...of, ...(group ? { group } : {}) })),
      );
      const { findings, logEvidence } = judged(rule, nothing, {
        rules: Array.from({ length: rules }, (_, place) => ({ ...rule, name: `rule-${place}` })),
        frozen: seen(signal, known),
        holdback,
      });
      for (const { logHarm: log } of findings) assert.ok(log <= 1e-9, `${log}`);
      assert.ok(logEvidence <= 1e-9, `${logEvidence}`);
    },
  );
  fc.assert(property, { numRuns: runs(400) });
});

test("the whole has its part of a claim about segments, however many there are", () => {
  assert.ok(alone > 100, `${alone}`);
  for (const known of [0, 1, 4, 17])
    near(logHarm(inAny, harm(), { frozen: seen("losses", known) }), alone + Math.log(WHOLE));
});

test("each segment has its part, known before the release or not", () => {
  const property = fc.property(fc.nat(MOST_GROUPS), fc.nat(30), (known, number) => {
    const parts = segmentParts(known);
    // Beyond so many, segments are one; what is not known has the forecast of the whole.
    const found = logHarm(inAny, harm(named(number)), { frozen: seen("losses", known) });
    near(found, alone + Math.log(number < known ? parts.known : parts.later), [known, number]);
  });
  fc.assert(property, { numRuns: runs(200) });
});

test("each ordered pair of groups has its part, known before the release or not", () => {
  const frozen = (known: number) => seen("approvals", known);
  const two = logHarm(parity, apart(named(0), named(1)), { frozen: frozen(2) }) - Math.log(pairParts(2).known);
  assert.ok(two > 20, `${two}`);
  const property = fc.property(fc.nat(15), fc.nat(15), fc.nat(15), (known, worse, better) => {
    fc.pre(worse !== better);
    const parts = pairParts(known);
    const found = logHarm(parity, apart(named(worse), named(better)), { frozen: frozen(known) });
    near(found, two + Math.log(Math.max(worse, better) < known ? parts.known : parts.later), [known, worse, better]);
  });
  fc.assert(property, { numRuns: runs(200) });
});

test("each rule has an equal part, and outcomes as they come what is not kept for later looks", () => {
  for (const rules of [1, 2, 7]) {
    const others = Array.from({ length: rules - 1 }, (_, place) => ({ ...parity, name: `rule-${place}` }));
    const { logEvidence } = judged(whole, harm(), { rules: [whole, ...others], frozen: seen("losses", 0) });
    near(logEvidence, alone - Math.log(rules));
  }
  near(logHarm(aRule(), harm(), { frozen: seen("losses", 0) }), alone + Math.log(AS_IT_COMES));
});

test("starts beside a holdback have their part, and those for the holdback the rest", () => {
  const frozen = seen("losses", 0);
  const found = logHarm(whole, harm(), { frozen, holdback: 86_400_000 });
  const late = logHarm(whole, harm(), { frozen, horizon: 60_000 + 86_400_000 });
  near(found, Math.log((1 - HOLDBACK) * Math.exp(alone) + HOLDBACK * Math.exp(late)));
});

test("the first start has its part of all starts, of the whole watch and of a recent change", () => {
  const { design, test: plain } = shareHypothesis(whole, seen("losses", 0)[0]);
  const logs = plain.harmOf({ bucket: START, candidate: { n: 400, k: 300 }, reference: { n: 6000, k: 360 } });
  const log = logMixture(logWeightsOf(design), logs);
  near(alone, log + Math.log(FIRST));
  for (const holdback of [0, 86_400_000]) {
    const recent = logHarm({ ...whole, within: 20_000 }, harm(), { frozen: seen("losses", 0), holdback });
    near(recent, log + Math.log(recentStarts(20_000, 60_000 + holdback).weightOf(0)));
  }
});
