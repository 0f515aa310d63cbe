import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { interval } from "./index.ts";

test("the interval of 0 of n ends where the mixture says", () => {
  // (1 - p)^n = (1 - confidence) / (n + 1)
  for (const n of [1, 10, 1000]) {
    const { low, high } = interval(n, 0, 0.95);
    assert.equal(low, 0);
    assert.ok(Math.abs(high - (1 - (0.05 / (n + 1)) ** (1 / n))) < 1e-9);
  }
});

test("the interval holds its share, narrows with n, widens with confidence, and mirrors", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, f) => {
      const k = Math.round(f * n);
      const wide = interval(n, k, 0.99);
      const narrow = interval(n * 10, k * 10, 0.99);
      const less = interval(n, k, 0.9);
      const mirror = interval(n, n - k, 0.99);
      assert.ok(wide.low <= wide.share && wide.share <= wide.high && wide.low >= 0 && wide.high <= 1);
      assert.ok(narrow.high - narrow.low < wide.high - wide.low);
      assert.ok(less.low >= wide.low && less.high <= wide.high);
      assert.ok(Math.abs(mirror.high - (1 - wide.low)) < 1e-9 && Math.abs(mirror.low - (1 - wide.high)) < 1e-9);
    }),
    { seed: 10, numRuns: 100 },
  );
});

test("the true rate is inside at every look with the stated probability", () => {
  // Exact, by walking all paths: the chance that the interval ever excludes the truth within 200 observations.
  for (const rate of [0.02, 0.3]) {
    let alive = [1];
    let lost = 0;
    for (let n = 1; n <= 200; n++) {
      const grown = Array.from({ length: n + 1 }, (_, k) => (alive[k] ?? 0) * (1 - rate) + (alive[k - 1] ?? 0) * rate);
      alive = grown.map((mass, k) => {
        if (mass === 0) return 0;
        const { low, high } = interval(n, k, 0.9);
        if (rate >= low && rate <= high) return mass;
        lost += mass;
        return 0;
      });
    }
    assert.ok(lost < 0.1 && lost > 0.005, String(lost));
  }
});

test("no observations give no share, and nonsense is refused", () => {
  const empty = interval(0, 0, 0.95);
  assert.deepEqual([empty.low, empty.high, Number.isNaN(empty.share)], [0, 1, true]);
  assert.throws(() => interval(3, 4, 0.95), RangeError);
  assert.throws(() => interval(3, 1, 1), RangeError);
});
