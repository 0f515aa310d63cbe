import assert from "node:assert/strict";
import { test } from "node:test";
import { harmDesign, safetyDesign } from "./design.ts";
import { incrementsOf } from "./increment.ts";
import { createLateEvidence, planStarts } from "./late-evidence.ts";
import { NumberShelf } from "./number-shelf.ts";

test("parts of a shelf do not overlap, and keep what they hold while it grows", () => {
  const shelf = new NumberShelf();
  const places = [3, 5, 0, 40, 1].map((count) => ({ place: shelf.take(count), count }));
  for (const [index, { place, count }] of places.entries()) shelf.numbers.fill(index + 1, place, place + count);
  const last = shelf.take(100);
  for (const [index, { place, count }] of places.entries())
    assert.deepEqual(
      [...shelf.numbers.subarray(place, place + count)],
      Array.from({ length: count }, () => index + 1),
    );
  assert.ok(shelf.numbers.subarray(last, last + 100).every((number) => number === 0));
});

test("evidence is the same to the last bit, whatever stands on its shelf, and late outcomes are where they belong", () => {
  const request = { form: "projected-bernoulli", null: { ratio: 1, points: 0.05 }, forecast: 0.4 } as const;
  const designs = [harmDesign(request), safetyDesign(request)];
  const shelf = new NumberShelf();
  const together = designs.map((design) => ({
    increments: incrementsOf(design, shelf),
    evidence: createLateEvidence(design, planStarts(3600), shelf),
  }));
  const apart = designs.map((design) => ({
    increments: incrementsOf(design),
    evidence: createLateEvidence(design, planStarts(3600)),
  }));
  const written = new Float64Array(16);
  // Onwards, back within a mark, back before it, and on again.
  const intervals = [0, 0, 1, 7, 8, 7, 3, 8, 20, 19, 20, 359, 400, 2];
  for (const [index, interval] of intervals.entries()) {
    const block = { n1: 50 + index, k1: 22 + (index % 7), n0: 950, k0: 380 + index };
    for (const some of [together, apart])
      for (const { increments, evidence } of some) {
        increments.write(block, written);
        evidence.add(interval, written);
      }
    if (index % 3 === 1) continue;
    for (const [which, { evidence }] of together.entries())
      assert.equal(evidence.log(), apart[which]!.evidence.log(), `after ${index + 1}`);
  }
  // As if each interval had come in its order.
  const sorted = designs.map((design) => createLateEvidence(design, planStarts(3600)));
  const inOrder = [...intervals.entries()].sort(([, a], [, b]) => a - b);
  for (const [index, interval] of inOrder)
    for (const [which, evidence] of sorted.entries()) {
      apart[which]!.increments.write({ n1: 50 + index, k1: 22 + (index % 7), n0: 950, k0: 380 + index }, written);
      evidence.add(interval, written);
    }
  for (const [which, evidence] of sorted.entries()) assert.equal(evidence.log(), together[which]!.evidence.log());
});
