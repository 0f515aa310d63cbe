import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import { drawBinomial } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { runs } from "../testing/runs.fixture.ts";
import { createEvaluator, type EvaluatorSetup } from "./evaluator.ts";
import type { ParityRule } from "./rule.ts";
import { APPROVALS, aSample, aSetup, STABLE, START } from "./stream.fixture.ts";

const unfair: ParityRule = {
  test: "parity",
  name: "unfair",
  signal: APPROVALS,
  claim: "approvals of the groups differ",
  null: { ratio: 1, points: 0.08 },
  badIs: "rest",
  across: "group",
};
const counts = { n: 400, k: 240 };
const frozen: FrozenWindow[] = [
  { signal: "approvals", n: 800, k: 480, groups: { "group=a": counts, "group=b": counts, "other=x": counts } },
];
const row = (second: number, group: string, n: number, k: number, fields: Partial<Sample> = {}) =>
  aSample(second, n, k, { signal: "approvals", group, ...fields });

/** So many approved of 6 and of 8 in each second, of two groups. */
const seconds = (count: number, a: number, b: number, more: (second: number) => Sample[] = () => []) =>
  Array.from({ length: count }, (_, second) => [
    row(second, "group=a", 6, a),
    row(second, "group=b", 8, b),
    ...more(second),
  ]).flat();

function judged(samples: readonly Sample[], setup: Partial<EvaluatorSetup> = {}) {
  const evaluator = createEvaluator(aSetup({ rules: [unfair], frozen, ...setup }));
  evaluator.observe(samples);
  return evaluator.judge(START + 1000 * samples.length);
}

describe("groups", () => {
  it("that are treated differently send the candidate back, and the finding names both", () => {
    const verdict = judged(seconds(120, 2, 6));
    assert.deepEqual(verdict.because, ["unfair"]);
    const [finding] = verdict.findings;
    assert.deepEqual([finding?.candidate.group, finding?.reference.group], ["group=a", "group=b"]);
    assert.deepEqual([finding?.candidate.n, finding?.candidate.k], [720, 240]);
    assert.equal(finding?.method, "disparity");
  });

  it("beyond those that the budget is for are compared as one, however many a restart brings", () => {
    const rows = Array.from({ length: 60 }, (_, group) =>
      Array.from({ length: 20 }, (__, second) => row(second, `group=${group}`, 5, group < 20 ? 4 : 1, { sequence: 1 })),
    ).flat();
    const { findings } = judged(rows, { frozen: [] });
    assert.deepEqual([findings[0]?.candidate.group, findings[0]?.candidate.n], ["group=other", 44 * 20 * 5]);
    const alike = rows.map((one) => ({ ...one, n: 0, k: 0 }));
    assert.equal(judged(alike, { frozen: [] }).findings[0]?.logHarm, -Math.log(17 * 16));
  });

  it("that are treated alike are healthy in time, and never harmful", () => {
    const random = createSeededRandom("fair");
    const fair = (n: number) => drawBinomial(random, n, 0.6);
    const rows = Array.from({ length: 1500 }, (_, second) => [
      row(second, "group=a", 6, fair(6)),
      row(second, "group=b", 8, fair(8)),
    ]).flat();
    assert.equal(judged(rows, { blindMs: 1e9 }).kind, "healthy");
  });

  it("of stable, of other labels and of the whole signal are not compared", () => {
    const others = (second: number) => [
      row(second, "group=a", 6, 0, { release: STABLE }),
      row(second, "other=x", 6, 0),
      aSample(second, 14, 0, { signal: "approvals" }),
    ];
    assert.deepEqual(judged(seconds(60, 4, 5, others)).findings, judged(seconds(60, 4, 5)).findings);
  });

  it("that nobody has seen before need more evidence, and are found", () => {
    const third = (second: number) => [row(second, "group=c", 8, 2)];
    const verdict = judged(seconds(120, 4, 5, third));
    assert.equal(verdict.findings[0]?.candidate.group, "group=c");
    assert.equal(verdict.kind, "harmful");
    const unseen = judged(seconds(120, 2, 6), { frozen: [] });
    assert.ok(unseen.logEvidence < judged(seconds(120, 2, 6)).logEvidence - 3);
    assert.equal(unseen.kind, "harmful");
  });

  it("say nothing while there is only one, and doubt the instrument when counts cannot be", () => {
    const one = judged([row(0, "group=a", 5, 1)], { frozen: [] });
    assert.deepEqual([one.kind, one.logEvidence, one.findings[0]?.candidate.n], ["inconclusive", 0, 0]);
    assert.equal(judged([row(0, "group=a", 5, 6)]).kind, "instrument-error");
  });

  it("law 2: one more bad outcome in the worse-off group never lowers its evidence", () => {
    const batch = fc.record({ a: fc.tuple(fc.nat(6), fc.nat(6)), b: fc.tuple(fc.nat(12), fc.nat(12)) });
    fc.assert(
      fc.property(fc.array(batch, { minLength: 4, maxLength: 20 }), fc.nat(), fc.boolean(), (list, place, added) => {
        const course = (worse: number) => {
          const evaluator = createEvaluator(aSetup({ rules: [unfair], frozen, alpha: 1e-9, blindMs: 1e9 }));
          return list.map(({ a: [n1, k1], b: [n0, k0] }, at) => {
            const extra = at === worse;
            // Approved ones are the good ones: one more bad is one more decision, or one approval fewer.
            const n = n1 + (extra && added ? 1 : 0);
            const k = Math.min(k1, n1) - (extra && !added && Math.min(k1, n1) > 0 ? 1 : 0);
            evaluator.observe(
              [row(at, "group=a", n, k), row(at, "group=b", n0, Math.min(k0, n0))].filter((one) => one.n > 0),
            );
            return evaluator.judge(START + 1000 * at);
          });
        };
        const [before, after] = [course(-1), course(place % list.length)];
        before.forEach(({ findings: [finding] }, at) => {
          if (finding?.candidate.group !== "group=a") return;
          assert.ok(after[at]!.logEvidence >= finding.logHarm - 1e-6, `${after[at]!.logEvidence} < ${finding.logHarm}`);
        });
      }),
      { numRuns: runs(60) },
    );
  });
});
