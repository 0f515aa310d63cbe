// Outcomes that applications report without `labels`, those of one arm later than those of the other.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, play } from "./late-outcomes.fixture.ts";

describe("a candidate whose outcomes come later than stable's, in steps of 15 s, without `labels`", () => {
  for (const [seconds, by] of [
    [2.5, 40],
    [5, 45],
    [10, 60],
  ] as const)
    it(`goes back when it is bad: ${seconds} s`, () => {
      const { harmful } = play({
        seed: `bad ${seconds}`,
        outcome: (candidate, chance) => ({
          bad: chance() < (candidate ? 0.1 : 0.02),
          after: after(candidate, seconds, chance),
        }),
      });
      assert.ok(harmful !== undefined && harmful < by, `after ${harmful} s`);
    });

  it("goes back within a longer release where its outcomes take a minute", () => {
    const { harmful } = play({
      seed: "a job each minute",
      perSecond: 50,
      seconds: 300,
      steps: [[0, 0.3]],
      outcome: (candidate, chance) => ({
        bad: chance() < (candidate ? 0.12 : 0.02),
        after: after(candidate, 60, chance),
      }),
    });
    assert.ok(harmful !== undefined && harmful < 250, `after ${harmful} s`);
  });

  it("is proved safe", () => {
    const { healthy, harmful, last } = play({
      seed: "safe",
      seconds: 120,
      ratio: 2,
      outcome: (candidate, chance) => ({ bad: chance() < 0.02, after: after(candidate, 5, chance) }),
    });
    assert.ok(healthy !== undefined, JSON.stringify(last.findings));
    assert.equal(harmful, undefined);
  });
});

describe("a candidate whose outcomes come too late for the release", () => {
  it("is doubted, and the doubt names the delays and what to declare", () => {
    const { last } = play({
      seed: "a person's click",
      seconds: 150,
      outcome: (candidate, chance) => ({
        bad: chance() < (candidate ? 0.1 : 0.02),
        after: after(candidate, 100, chance),
      }),
    });
    assert.equal(last.kind, "instrument-error");
    assert.match(
      last.findings[0]?.doubts?.join() ?? "",
      /come later than stable's, .*; half of its outcomes take up to 2 min 0 s, of stable's up to 1\.5 s: declare `labels: 2m`/,
    );
  });
});
