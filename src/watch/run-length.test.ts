import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Sample } from "../core/sample.ts";
import { createEvaluator } from "./evaluator.ts";
import { APPROVALS, aLimit, aSample, aSetup, LOSSES, STABLE, START } from "./stream.fixture.ts";

const limit = aLimit({ name: "streak", comparison: ">=", limit: 1, min: 20, inARow: 20 });
const hardLimits = [{ limit, signal: LOSSES }];

function judged(samples: readonly Sample[], hard = hardLimits) {
  const evaluator = createEvaluator(aSetup({ rules: [], hardLimits: hard }));
  for (const sample of samples) evaluator.observe([sample]);
  return evaluator.judge(START + 60_000);
}

describe("so many in a row, all bad", () => {
  it("break the limit when they fill whole seconds", () => {
    const verdict = judged([aSample(0, 8, 8), aSample(1, 7, 7), aSample(3, 5, 5)]);
    assert.deepEqual(verdict.because, ["streak"]);
    assert.equal(verdict.findings[0]?.candidate.k, 20);
    assert.equal(verdict.findings[0]?.method, "run-length");
  });

  it("do not when a good one came between, or one fewer came", () => {
    assert.equal(judged([aSample(0, 8, 8), aSample(1, 7, 6), aSample(2, 12, 12)]).findings[0]?.kind, "inconclusive");
    assert.equal(judged([aSample(0, 8, 8), aSample(1, 11, 11)]).findings[0]?.kind, "inconclusive");
    assert.equal(judged([]).findings[0]?.kind, "no-data");
  });

  it("are the candidate's own, of the whole signal, since the exposure", () => {
    const others = [
      aSample(0, 30, 30, { release: STABLE }),
      aSample(0, 30, 30, { signal: "errors" }),
      aSample(0, 30, 30, { group: "group=a" }),
      aSample(-5, 30, 30),
    ];
    assert.equal(judged(others).findings[0]?.candidate.n, 0);
  });

  it("are what is not named where more is better", () => {
    const hard = [{ limit: { ...limit, signal: "approvals" }, signal: APPROVALS }];
    assert.equal(judged([aSample(0, 20, 0, { signal: "approvals" })], hard).kind, "harmful");
    assert.equal(judged([aSample(0, 20, 1, { signal: "approvals" })], hard).kind, "inconclusive");
  });

  it("are remembered over many seconds with bounded memory, and never forgotten once seen", () => {
    const rows = Array.from({ length: 900 }, (_, second) => aSample(second, 1, second < 25 ? 1 : 0));
    assert.equal(judged(rows).kind, "harmful");
  });

  it("may come as slowly as they like, and out of order", () => {
    const slow = [{ limit: { ...limit, inARow: 1000 }, signal: LOSSES }];
    const rows = Array.from({ length: 1000 }, (_, second) => aSample(10 * second, 1, 1, { sequence: second + 1 }));
    assert.equal(judged(rows.slice(1), slow).kind, "inconclusive");
    assert.equal(judged(rows, slow).kind, "harmful");
    assert.equal(judged(rows.toReversed(), slow).kind, "harmful");
  });

  it("are forgotten after a day of seconds with outcomes", () => {
    const bad = Array.from({ length: 10 }, (_, second) => aSample(second, 1, 1));
    const good = (days: number) => Array.from({ length: 86_400 * days }, (_, second) => aSample(second + 100, 1, 0));
    const late = Array.from({ length: 10 }, (_, second) => aSample(second + 10, 1, 1, { node: "late" }));
    assert.equal(judged([...bad, ...good(0.9), ...late]).kind, "harmful");
    assert.equal(judged([...bad, ...good(1), ...late]).kind, "inconclusive");
  });
});
