import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ACCURACY,
  bucketOf,
  GREATEST_VALUE,
  LAST_BUCKET,
  meanPlaceOf,
  placeOf,
  SCORE_PARTS,
  upperEdge,
  valueAt,
  valuePlaceOf,
  ZERO_CELL,
} from "./cells.ts";

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

test("a value without ends is shared out between two cells of its size and sign, so that its mean is kept", () => {
  const values = fc.oneof(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.integer({ min: -1000, max: 1000 }));
  fc.assert(
    fc.property(values, (value) => {
      const { below, upper } = valuePlaceOf(value);
      assert.ok(upper >= 0 && upper <= 1 && below >= 0 && below + 1 <= 2 * ZERO_CELL);
      const mean = (1 - upper) * valueAt(below) + upper * valueAt(below + 1);
      assert.ok(Math.abs(mean - value) <= 1e-7 * Math.abs(value) + 1e-12, `${value} as ${mean}`);
    }),
  );
  assert.deepEqual([valueAt(ZERO_CELL), valuePlaceOf(0)], [0, { below: ZERO_CELL, upper: 0 }]);
  assert.deepEqual(valuePlaceOf(-2e9), valuePlaceOf(-GREATEST_VALUE));
  assert.deepEqual([meanPlaceOf(5, undefined), meanPlaceOf(5, [0, 10])], [valuePlaceOf(5), placeOf(0.5)]);
});
