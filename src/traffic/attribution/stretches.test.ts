import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createStretches } from "./stretches.ts";

describe("the stretches between changes of the shares", () => {
  it("let a request end when it ended, while the shares are the same", () => {
    assert.equal(createStretches().endedAt(100, 130_500), 130_500);
  });

  it("let one of an earlier stretch end with that stretch", () => {
    const stretches = createStretches();
    stretches.end(110_400);
    stretches.end(120_000);
    assert.equal(stretches.endedAt(100, 130_500), 109_999);
    assert.equal(stretches.endedAt(111, 130_500), 119_999);
    assert.equal(stretches.endedAt(121, 130_500), 130_500);
  });

  it("let one of the second of a change end in that second", () => {
    const stretches = createStretches();
    stretches.end(110_400);
    assert.equal(stretches.endedAt(110, 110_600), 110_600);
    assert.equal(stretches.endedAt(110, 130_500), 110_999);
  });

  it("know a change once", () => {
    const stretches = createStretches();
    stretches.end(110_400);
    stretches.end(110_900);
    assert.equal(stretches.endedAt(109, 130_500), 109_999);
  });

  it("go by a clock that was set back", () => {
    const stretches = createStretches();
    stretches.end(110_400);
    stretches.end(50_000);
    assert.equal(stretches.endedAt(45, 61_000), 49_999);
    assert.equal(stretches.endedAt(109, 130_500), 130_500);
  });

  it("forget the oldest of very many", () => {
    const stretches = createStretches();
    for (let second = 1; second <= 100; second++) stretches.end(1000 * second);
    assert.equal(stretches.endedAt(99, 130_500), 99_999);
    assert.equal(stretches.endedAt(5, 130_500), 36_999);
  });
});
