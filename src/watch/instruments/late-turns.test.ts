import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Signal } from "../../core/playbook.ts";
import type { Sample } from "../../core/sample.ts";
import { createEvaluator } from "../evaluator.ts";
import { APPROVALS, aRule, aSample, aSetup, CANDIDATE, LOSSES, STABLE, START } from "../stream.fixture.ts";

const sessions: Signal = { ...LOSSES, per: "session" };

/** Sessions of both arms; of the candidate's, `turns` of 30 turn bad when they are `delay` seconds old. */
function judged(signal: Signal, turns: number, delay: number) {
  const rule = aRule({
    signal,
    badIs: signal.better === "up" ? "rest" : "part",
    null: { ratio: 1.05, points: 0 },
  });
  const frozen = [{ signal: signal.name, n: 100_000, k: signal.better === "up" ? 99_500 : 500 }];
  const evaluator = createEvaluator(aSetup({ rules: [rule], horizon: 3_600_000, frozen }));
  const [good, bad] = signal.better === "up" ? [1, -1] : [0, 1];
  for (let second = 0; second < 600; second++) {
    const row = { signal: signal.name, known: START + 1000 * (second + 1), sequence: second };
    const arm = (release: typeof STABLE, n: number, k: number): Sample[] => [
      aSample(second, n, n * good, { ...row, release }),
      ...(second < delay ? [] : [aSample(second - delay, 0, k * bad, { ...row, release })]),
    ];
    evaluator.observe([...arm(CANDIDATE, 30, turns), ...arm(STABLE, 300, second % 2)]);
  }
  return evaluator.judge(START + 600_000);
}

describe("units that turn bad", () => {
  for (const signal of [sessions, { ...APPROVALS, per: "session" }]) {
    it(`later than \`labels\` says are a doubt that says so (better: ${signal.better})`, () => {
      const verdict = judged(signal, 20, 90);
      assert.equal(verdict.kind, "instrument-error");
      assert.match(
        verdict.findings[0]!.doubts!.join(),
        /`labels` of \w+ is too short: \d+ of \d+ bad ones turned bad when their session was older than 1 min 0 s/,
      );
    });

    it(`in time are evidence, and no doubt (better: ${signal.better})`, () => {
      assert.equal(judged(signal, 20, 30).kind, "harmful");
      const sound = judged(signal, 0, 30);
      assert.deepEqual([sound.kind, sound.findings[0]?.doubts], ["healthy", undefined]);
    });
  }

  it("later than a declared age, of which that says how long it is", () => {
    const verdict = judged({ ...sessions, labels: 120_000 }, 20, 150);
    assert.match(verdict.findings[0]!.doubts!.join(), /older than 2 min 0 s/);
  });
});
