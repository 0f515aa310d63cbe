import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { exactLowerBound, exactUpperBound } from "./exact-bound.ts";

const close = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) < 1e-6, `${found}, not ${expected}`);

test("bounds are those of Clopper and Pearson where they have a closed form", () => {
  close(exactLowerBound(10, 10, 0.025), 0.025 ** (1 / 10));
  close(exactUpperBound(10, 0, 0.025), 1 - 0.025 ** (1 / 10));
  close(exactLowerBound(20, 1, 0.05), 1 - 0.95 ** (1 / 20));
});

test("bounds are those that R's binom.test prints for 7 of 20 at 95 %", () => {
  close(Math.round(exactLowerBound(20, 7, 0.025) * 1e7) / 1e7, 0.1539092);
  close(Math.round(exactUpperBound(20, 7, 0.025) * 1e7) / 1e7, 0.5921885);
});

test("nothing seen bounds nothing", () => {
  assert.equal(exactLowerBound(0, 0, 0.05), 0);
  assert.equal(exactLowerBound(50, 0, 0.05), 0);
  assert.equal(exactUpperBound(0, 0, 0.05), 1);
  assert.equal(exactUpperBound(50, 50, 0.05), 1);
});

test("the bounds hold the share between them and part with more doubt", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
      const k = Math.round(share * n);
      assert.ok(exactLowerBound(n, k, 0.05) <= k / n + 1e-12);
      assert.ok(exactUpperBound(n, k, 0.05) >= k / n - 1e-12);
      assert.ok(exactLowerBound(n, k, 0.01) <= exactLowerBound(n, k, 0.1) + 1e-12);
    }),
  );
});

test("the error is the one that was asked for, by exact enumeration", () => {
  const [n, truth, error] = [60, 0.12, 0.05];
  let missed = 0;
  let mass = (1 - truth) ** n;
  for (let k = 0; k <= n; k++) {
    if (exactLowerBound(n, k, error) > truth) missed += mass;
    mass *= ((n - k) / (k + 1)) * (truth / (1 - truth));
  }
  assert.ok(missed <= error && missed > 0, String(missed));
});
