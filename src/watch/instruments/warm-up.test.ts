import assert from "node:assert/strict";
import { it } from "node:test";
import { createWarmUp } from "./warm-up.ts";

it("a warm-up covers every second that any part of it lies in, and no other", () => {
  const warmUp = createWarmUp(10_400, 2000);
  const covered = [9000, 10_000, 11_000, 12_000, 13_000].filter((bucket) => warmUp.covers({ bucket }));
  assert.deepEqual(covered, [10_000, 11_000, 12_000]);
});

it("no warm-up covers nothing, and a span that is none is refused", () => {
  assert.equal(createWarmUp(10_400, 0).covers({ bucket: 10_000 }), false);
  for (const span of [-1, Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => createWarmUp(0, span), RangeError);
});
