import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createReception } from "./reception.ts";
import { aSample, START } from "./stream.fixture.ts";

describe("the reception of samples", () => {
  const batch = (node: string, sequence: number, known?: number) =>
    aSample(0, 1, 0, { node, sequence, ...(known === undefined ? {} : { known: START + known }) });
  const order = (samples: readonly ReturnType<typeof batch>[]) =>
    createReception()
      .admit(samples)
      .map(([first]) => `${first!.node}${first!.sequence}`);

  it("hands batches over in the order in which they became known, so that a restart takes them as they were taken", () => {
    assert.deepEqual(order([batch("a", 1, 3000), batch("b", 1, 1000), batch("b", 2, 4000)]), ["b1", "a1", "b2"]);
  });

  it("hands over what became known together by node and sequence", () => {
    assert.deepEqual(order([batch("b", 2), batch("b", 1), batch("a", 1)]), ["a1", "b1", "b2"]);
  });

  it("keeps the sequence of a node whose clock was set back", () => {
    assert.deepEqual(order([batch("a", 2, 1000), batch("a", 1, 5000), batch("b", 1, 3000)]), ["b1", "a1", "a2"]);
  });
});
