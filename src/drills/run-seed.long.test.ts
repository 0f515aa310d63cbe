import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { brokenIn, scorecard } from "./scorecard.ts";
import { runRange } from "./seed-range.ts";

describe("the loop in seeded worlds", () => {
  it("breaks no law in any of 120 worlds full of faults", async () => {
    const { tally, broken } = await runRange({ kind: "whole", from: 1, seeds: 120 });
    const text = scorecard(tally);
    assert.deepEqual(broken, []);
    assert.equal(brokenIn(tally), 0, text);
    for (const end of ["harm: verified", "promoted", "undecided: verified", "person: verified"]) {
      assert.ok(text.includes(end), `nothing ended as ${end}`);
    }
    for (const fault of ["crash at saga.effect-sent", "lost-reply", "slow", "pause", "rival", "store error after"]) {
      assert.ok(text.includes(fault), `no ${fault} was injected`);
    }
  });
});
