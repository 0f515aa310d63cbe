import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ACCURACY, bucketOf, LAST_BUCKET, placeOf, SCORE_PARTS, upperEdge } from "./cells.ts";

test("a time lies between the edges of its bucket, which are 2 % apart", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-5, max: 1e8, noNaN: true }), (time) => {
      const bucket = bucketOf(time);
      assert.ok(time <= upperEdge(bucket) * (1 + 1e-12) && time > upperEdge(bucket - 1) * (1 - 1e-12));
      assert.ok(upperEdge(bucket) / upperEdge(bucket - 1) < 1 + 2.1 * ACCURACY);
    }),
  );
});

test("what is no time, or longer than any, has a bucket all the same", () => {
  for (const none of [Number.NaN, -1, 0, 1e-6]) assert.equal(bucketOf(none), 0);
  for (const most of [2e9, Number.POSITIVE_INFINITY]) assert.equal(bucketOf(most), LAST_BUCKET);
  assert.equal(upperEdge(LAST_BUCKET), Number.POSITIVE_INFINITY);
});

test("a score is shared out between two ends so that its mean is kept", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (score) => {
      const { below, upper } = placeOf(score);
      assert.ok(below >= 0 && below < SCORE_PARTS && upper >= 0 && upper <= 1);
      assert.ok(Math.abs((below + upper) / SCORE_PARTS - score) < 2 ** -20);
    }),
  );
});

test("a score outside its range is counted at the nearer end", () => {
  assert.deepEqual(placeOf(-3), { below: 0, upper: 0 });
  assert.deepEqual(placeOf(7), { below: SCORE_PARTS - 1, upper: 1 });
});
