import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runSeed } from "./run-seed.ts";
import { createScorecard } from "./scorecard.ts";

describe("the loop in seeded worlds", () => {
  it("breaks no law in any of 120 worlds full of faults", async () => {
    const scorecard = createScorecard();
    const broken: string[] = [];
    for (let seed = 1; seed <= 120; seed++) {
      const result = await runSeed(seed);
      scorecard.add(result);
      for (const violation of result.violations) broken.push(`seed ${seed}: ${violation}`);
    }
    assert.deepEqual(broken, []);
    assert.equal(scorecard.violations(), 0, scorecard.text());
    for (const end of ["harm: verified", "promoted", "undecided: verified", "person: verified", "harm: stuck"]) {
      assert.ok(scorecard.text().includes(end), `nothing ended as ${end}`);
    }
    for (const fault of ["crash at saga.effect-sent", "lost-reply", "slow", "pause", "rival", "store error after"]) {
      assert.ok(scorecard.text().includes(fault), `no ${fault} was injected`);
    }
  });
});
