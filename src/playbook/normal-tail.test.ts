import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { normalQuantile, normalTail } from "./normal-tail.ts";

test("the tail of the normal law is that of the printed tables", () => {
  // Abramowitz and Stegun, Handbook of Mathematical Functions, table 26.1.
  for (const [z, tail] of [
    [0, 0.5],
    [1, 0.158655254],
    [1.644853627, 0.05],
    [3, 0.001349898],
    [-2, 0.977249868],
  ] as const) {
    assert.ok(Math.abs(normalTail(z) / tail - 1) < 2e-7, String(z));
  }
});

test("a quantile is where the tail is what was asked for", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), (tail) => {
      assert.ok(Math.abs(normalTail(normalQuantile(tail)) - tail) < 3e-7);
    }),
  );
});
