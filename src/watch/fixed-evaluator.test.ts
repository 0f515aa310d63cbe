import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { drawBinomial } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { exactLowerBound } from "../statistics/exact-bound.ts";
import { createFixedEvaluator, type FixedRule, type FixedSetup } from "./fixed-evaluator.ts";
import { aRule, aSample, STABLE, START } from "./stream.fixture.ts";

const BETA = 0.05;
const within = (value: number): FixedRule => ({ ...aRule({ null: { ratio: 1 + value, points: 0 } }), kind: "within" });
const below = (limit: number): FixedRule => ({ ...aRule({ null: { ratio: 0, points: limit } }), kind: "below" });

function fixed(rules: readonly FixedRule[], fields: Partial<FixedSetup> = {}) {
  const frozen = [{ signal: "losses", n: 4000, k: 400 }];
  return createFixedEvaluator({ rules, beta: BETA, release: STABLE, from: START, frozen, blindMs: 10_000, ...fields });
}

/** So many seconds of stable alone, and the verdict at the end. */
function served(evaluator: ReturnType<typeof fixed>, seconds: number, n: number, k: (second: number) => number) {
  for (let second = 0; second < seconds; second++)
    evaluator.observe([aSample(second, n, k(second), { release: STABLE })]);
  return evaluator.judge(START + 1000 * seconds);
}

describe("fixed", () => {
  it("is healthy when stable is again what it was, and names the frozen window as its reference", () => {
    const verdict = served(fixed([within(0.5)]), 20, 100, () => 10);
    assert.equal(verdict.kind, "healthy");
    assert.deepEqual(verdict.findings[0]?.reference, { release: "frozen-window", n: 4000, k: 400 });
    assert.deepEqual(verdict.findings[0]?.candidate, { release: STABLE, n: 2000, k: 200 });
  });

  it("is not proved by silence, by little, or by what was served before", () => {
    assert.equal(fixed([within(0.5)]).judge(START).kind, "no-data");
    assert.equal(served(fixed([within(0.5)]), 1, 20, () => 2).kind, "inconclusive");
    const early = fixed([within(0.5)], { from: START + 60_000 });
    assert.equal(served(early, 20, 100, () => 0).kind, "no-data");
  });

  it("is harmful when what is served is proved worse than the criterion allows", () => {
    assert.equal(served(fixed([within(0.5)]), 20, 100, () => 40).kind, "harmful");
    assert.equal(served(fixed([below(0.05)]), 20, 100, () => 20).kind, "harmful");
  });

  it("below a limit needs no window, and every criterion must be proved", () => {
    assert.equal(served(fixed([below(0.2)], { frozen: [] }), 20, 100, () => 10).kind, "healthy");
    const both = [
      below(0.2),
      { ...below(0.2), name: "fixed: errors", signal: { ...below(0.2).signal, name: "errors" } },
    ];
    assert.equal(served(fixed(both), 20, 100, () => 10).kind, "no-data");
  });

  it("cannot be proved against a window that saw nothing bad or nothing at all, and says so without failing", () => {
    for (const frozen of [[], [{ signal: "losses", n: 500, k: 0 }]])
      for (const bad of [0, 1]) {
        const verdict = served(fixed([within(0.5)], { frozen }), 20, 100, () => bad);
        assert.notEqual(verdict.kind, "healthy");
      }
  });

  it("is no narrower than every share there is", () => {
    const frozen = [{ signal: "losses", n: 400, k: 300 }];
    assert.equal(served(fixed([within(0.5)], { frozen }), 20, 100, () => 75).kind, "healthy");
  });

  it("uses the window's lower bound: the share itself is not known", () => {
    const share = 0.1;
    const line = 1.5 * exactLowerBound(200, 20, BETA / 2);
    assert.ok(line < 1.5 * share);
    const small = { frozen: [{ signal: "losses", n: 200, k: 20 }] };
    const between = Math.round(1000 * ((line + 1.5 * share) / 2));
    assert.notEqual(served(fixed([within(0.5)], small), 60, 1000, () => between).kind, "healthy");
  });

  it("is claimed of a state at the margin no more often than its error allows, and of an equal one nearly always", () => {
    const random = createSeededRandom("fixed");
    const runs = 120;
    const claims = (truth: number) => {
      let healthy = 0;
      for (let run = 0; run < runs; run++) {
        const frozen = [{ signal: "losses", n: 2000, k: drawBinomial(random, 2000, 0.1) }];
        const evaluator = fixed([within(0.5)], { frozen });
        for (let second = 0; second < 40; second++) {
          evaluator.observe([aSample(second, 150, drawBinomial(random, 150, truth), { release: STABLE })]);
          if (evaluator.judge(START + 1000 * second).kind === "healthy") {
            healthy += 1;
            break;
          }
        }
      }
      return healthy / runs;
    };
    assert.ok(claims(0.15) <= BETA);
    assert.ok(claims(0.1) > 0.9);
  });
});
