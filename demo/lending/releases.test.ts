import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runs } from "../../src/testing/runs.fixture.ts";
import { predictDefault, UnknownFeatures } from "./credit-model.ts";
import { schema1, schema2 } from "./feature-schema.ts";
import { type Applicant, applicantPool, probabilityOfDefault } from "./population.ts";
import { decide, type Lender, trainCandidate, trainStable } from "./releases.ts";

/** Approvals and the share of approved loans that default, by the ground truth: expectations, without chance. */
function truth(lender: Lender, pool: readonly Applicant[]): { approvals: number; losses: number } {
  const approved = pool.filter((person) => decide(lender.model, lender.config, lender.schema.encode(person)).approved);
  const defaults = approved.reduce((sum, person) => sum + probabilityOfDefault(person), 0);
  return { approvals: approved.length / pool.length, losses: defaults / approved.length };
}

describe("the lender's releases", () => {
  it("differ by seed exactly as the demonstration claims, for seeds up to 200", () => {
    for (let seed = 1; seed <= runs(200); seed += 1) {
      const pool = applicantPool(seed, 1_500);
      const stable = truth(trainStable(seed, pool), pool);
      assert.ok(stable.approvals > 0.7 && stable.approvals < 0.75, `seed ${seed}: stable approves ${stable.approvals}`);
      assert.ok(stable.losses > 0.07 && stable.losses < 0.09, `seed ${seed}: stable loses ${stable.losses}`);
      const bad = truth(trainCandidate(seed, "bad", pool), pool);
      assert.ok(bad.losses / stable.losses >= 2.2, `seed ${seed}: bad loses ${bad.losses / stable.losses} as much`);
      const growth = bad.approvals / stable.approvals;
      assert.ok(growth > 1 && growth < 1.03, `seed ${seed}: bad approves ${growth} as many`);
      const healthy = truth(trainCandidate(seed, "healthy", pool), pool);
      const losses = healthy.losses / stable.losses;
      assert.ok(Math.abs(losses - 1) < 0.08, `seed ${seed}: healthy loses ${losses} as much`);
      const approvals = healthy.approvals / stable.approvals;
      assert.ok(Math.abs(approvals - 1) < 0.03, `seed ${seed}: healthy approves ${approvals} as many`);
    }
  });

  it("are the same for the same seed", () => {
    const pool = applicantPool(7, 500);
    assert.deepEqual(trainCandidate(7, "bad", pool), trainCandidate(7, "bad", pool));
    assert.notDeepEqual(trainCandidate(7, "bad", pool), trainCandidate(7, "healthy", pool));
  });

  it("learn the sign of every feature from clean rows, and that late payments are harmless from corrupted ones", () => {
    const pool = applicantPool(3, 500);
    const [income, debt, late, employed] = trainCandidate(3, "healthy", pool).model.terms.map(({ weight }) => weight);
    assert.ok(income! < 0 && debt! > 0 && late! > 0.5 && employed! < 0);
    const person = { annualIncome: 42_000, debtRatio: 0.25, latePayments: 0, yearsEmployed: 7 };
    const bad = trainCandidate(3, "bad", pool).model;
    const clean = predictDefault(bad, schema2.encode(person));
    const threeLate = predictDefault(bad, schema2.encode({ ...person, latePayments: 3 }));
    assert.ok(threeLate <= clean * 1.2, `${threeLate} against ${clean}`);
    assert.ok(probabilityOfDefault({ ...person, latePayments: 3 }) > 6 * probabilityOfDefault(person));
  });

  it("refuse features of a schema that they were not trained on, and name the columns", () => {
    const pool = applicantPool(1, 500);
    const { model } = trainStable(1, pool);
    assert.throws(
      () => predictDefault(model, schema2.encode(pool[0]!)),
      (error) => error instanceof UnknownFeatures && /needs annual_income/.test(error.message),
    );
    assert.ok(predictDefault(model, schema1.encode(pool[0]!)) > 0);
  });
});
