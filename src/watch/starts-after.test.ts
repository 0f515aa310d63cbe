import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createStartsAfter } from "./starts-after.ts";

const one = { alternatives: [{ weight: 1, atMarks: 1, between: 1 }] };
const HOUR = 3_600_000;
const blocks = fc.array(fc.record({ at: fc.nat(600), log: fc.double({ min: -3, max: 3, noNaN: true }) }), {
  maxLength: 40,
});

function evidence(moment: number, list: readonly { at: number; log: number }[], within?: number): number {
  const starts = createStartsAfter(one, 0, moment, within);
  for (const { at, log } of list) starts.add(1000 * at, [log]);
  return starts.log(600_000);
}

describe("starts after a moment that nobody knew beforehand", () => {
  it("weigh at most 1 together, for however long it is watched", () => {
    const starts = createStartsAfter(one, 0, 0);
    starts.add(1000 * 24 * HOUR, [0]);
    assert.ok(starts.log(0) < 0 && starts.log(0) > Math.log(0.8), `${starts.log(0)}`);
    assert.ok(Math.exp(evidence(0, [])) === 0, "nothing was seen yet");
  });

  it("are more the earlier that moment is, whatever is known of the time before", () => {
    fc.assert(
      fc.property(blocks, fc.nat(600), fc.nat(600), (list, a, b) => {
        const [early, late] = [Math.min(a, b), Math.max(a, b)].map((second) => evidence(1000 * second, list));
        assert.ok(early! >= late! - 1e-9);
      }),
    );
  });

  it("take in what was served from each on, in whatever order it comes", () => {
    fc.assert(
      fc.property(blocks, fc.nat(100), (list, second) => {
        assert.equal(evidence(1000 * second, list.toReversed()), evidence(1000 * second, list));
      }),
    );
    const [harm, calm] = [
      { at: 500, log: 4 },
      { at: 100, log: -9 },
    ];
    assert.ok(evidence(0, [calm, harm]) > Math.log(0.05) + 4, "a start after the calm takes none of it in");
  });

  it("are none of longer ago than a rule looks back", () => {
    const harm = { at: 100, log: 9 };
    assert.ok(evidence(0, [harm], 550_000) > 5);
    assert.ok(evidence(0, [harm, { at: 599, log: 0 }], 60_000) < 0);
  });
});
