import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Sample } from "../core/sample.ts";
import { drawBinomial } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { createEvaluator, type EvaluatorSetup } from "./evaluator.ts";
import type { ShareRule } from "./rule.ts";
import { aRule, aSample, aSetup, STABLE, START } from "./stream.fixture.ts";

const usual = aRule({ null: { ratio: 1.5, points: 0 } });
const exact: ShareRule = { ...usual, calibrated: { share: 0.5 } };
const above: ShareRule = { ...exact, null: { ratio: 0, points: 0.02 } };
const frozen = [{ signal: "losses", n: 10_000, k: 100 }];

/** Both arms with half of the requests: so many of 100 are bad in each second. */
const stream = (seconds: number, bad: (second: number) => number): Sample[] =>
  Array.from({ length: seconds }, (_, second) => [
    aSample(second, 100, bad(second)),
    aSample(second, 100, 1, { release: STABLE }),
  ]).flat();

function setupOf(rules: readonly ShareRule[], more: Partial<EvaluatorSetup> = {}): EvaluatorSetup {
  return aSetup({ rules, frozen, horizon: 600_000, blindMs: 1e9, ...more });
}

function judged(samples: readonly Sample[], rules: readonly ShareRule[], more: Partial<EvaluatorSetup> = {}) {
  const evaluator = createEvaluator(setupOf(rules, more));
  evaluator.observe(samples);
  return evaluator.judge(Math.max(...samples.map(({ bucket }) => bucket)) + 1000);
}

describe("a calibrated threshold", () => {
  it("needs less evidence from the first answer on, and says what it assumes", () => {
    const bad = stream(6, () => 5);
    const [plain, own] = [judged(bad, [usual]).findings[0]!, judged(bad, [exact]).findings[0]!];
    // The first start's weight, 0.69, is paid back and more.
    assert.ok(
      own.logHarm > plain.logHarm + 0.05 && own.logHarm < plain.logHarm + 1,
      `${own.logHarm}, ${plain.logHarm}`,
    );
    assert.equal(plain.assumes, undefined);
    const split = /^calibrated: assumes independent outcomes, 50 % of them the candidate's at any time, judged at each/;
    assert.match(own.assumes!, split);
    assert.match(
      judged(bad, [above]).findings[0]!.assumes!,
      /^calibrated: assumes independent outcomes, judged at each/,
    );
  });

  it("leaves faults that begin later as they are", () => {
    const late = stream(80, (second) => (second < 60 ? 0 : 7));
    const [plain, own] = [judged(late, [usual]).findings[0]!, judged(late, [exact]).findings[0]!];
    assert.ok(Math.abs(own.logHarm - plain.logHarm) < 1e-6 && own.logHarm > 5, `${own.logHarm}, ${plain.logHarm}`);
    const held = { holdback: 3_600_000 };
    assert.ok(judged(late, [exact], held).findings[0]!.logHarm > 4);
  });

  it("is the usual one, and says so, where outcomes are not rare enough to be walked", () => {
    const common = { frozen: [{ signal: "losses", n: 1000, k: 200 }] };
    const bad = stream(6, () => 40);
    const [plain, own] = [judged(bad, [usual], common).findings[0]!, judged(bad, [exact], common).findings[0]!];
    assert.equal(own.logHarm, plain.logHarm);
    assert.match(own.assumes!, /^not calibrated: more than 3 % are bad/);
  });

  it("stands for itself beside others: each at its own part of the budget", () => {
    const bad = stream(20, () => 6);
    const other = aRule({ name: "other", null: { ratio: 40, points: 0 } });
    const verdict = judged(bad, [{ ...above, null: { ratio: 0, points: 0.01 } }, other]);
    assert.deepEqual(verdict.because, ["rising-losses"]);
    const loudest = Math.max(...verdict.findings.map(({ logHarm }) => logHarm));
    assert.ok(Math.abs(verdict.logEvidence - (loudest - Math.LN2)) < 1e-9);
    assert.deepEqual(judged(bad, [{ ...other, calibrated: { share: 0.5 } }]).because, []);
    const both = judged(bad, [
      { ...above, null: { ratio: 0, points: 0.5 } },
      { ...usual, name: "other" },
    ]);
    assert.deepEqual(both.because, ["other"]);
  });

  it("goes back in at most alpha of the releases that lie on the line, judged at each outcome", () => {
    const random = createSeededRandom("on the line");
    let alarms = 0;
    for (let run = 0; run < 120; run++) {
      const evaluator = createEvaluator(setupOf([above], { alpha: 0.05 }));
      for (let second = 0; second < 120; second++) {
        evaluator.observe([aSample(second, 20, drawBinomial(random, 20, 0.02))]);
        if (evaluator.judge(START + 1000 * (second + 1)).kind !== "harmful") continue;
        alarms += 1;
        break;
      }
    }
    // Binomial(120, 0.05) is above 13 in 4 of 1000 cases.
    assert.ok(alarms <= 13, `${alarms} of 120`);
  });
});
