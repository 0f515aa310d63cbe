import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aSample, CANDIDATE, STABLE, START } from "./stream.fixture.ts";
import { ArmReports, Reports } from "./watermark.ts";

const FAR = START + 1e9;
const heard = (...seconds: readonly number[]) => {
  const reports = new Reports();
  for (const second of seconds) reports.hear(START + 1000 * second);
  return (reports.at(FAR) - START) / 1000;
};

describe("how far reports have come", () => {
  it("is where they were heard last, whatever the clock says", () => {
    assert.equal(heard(), Number.NEGATIVE_INFINITY);
    assert.equal(heard(0, 1, 2, 3), 3);
    assert.equal(heard(0, 2, 1), 2);
  });

  it("is where a silence began, until what gathered in it has been delivered", () => {
    assert.equal(heard(0, 1, 20), 1);
    assert.equal(heard(0, 1, 20, 21, 22, 23, 24), 1);
    assert.equal(heard(0, 1, 20, 21, 22, 23, 24, 25), 25);
  });

  it("is one report behind where reports are rare", () => {
    assert.equal(heard(0, 60, 120), 60);
  });

  it("goes back with a clock that was ahead", () => {
    assert.equal(heard(0, 1, 2, 3600, 3, 4), 2);
    assert.equal(heard(0, 1, 2, 3600, 3, 4, 5, 6, 7, 8), 8);
  });

  it("is the clock for an arm that has no requests any more, once it is silent", () => {
    const arms = new ArmReports(30_000);
    arms.reference.end(START + 60_000);
    const both = [0, 1].flatMap((second) => [aSample(second, 9, 1), aSample(second, 90, 1, { release: STABLE })]);
    arms.hear(both, CANDIDATE);
    assert.equal(arms.reference.at(START + 91_999), START + 2000);
    assert.equal(arms.reference.at(START + 92_000), START + 92_000);
    assert.equal(arms.both.at(START + 92_000), START + 2000);
  });
});
