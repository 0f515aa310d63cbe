import assert from "node:assert/strict";
import { test } from "node:test";
import { logBinomial, logGamma } from "./binomial.ts";
import { binomial } from "./published.fixture.ts";

test("chances of the binomial law are those of plain multiplication", () => {
  for (const n of [1, 2, 15, 16, 40, 200]) {
    for (const p of [0.001, 0.3, 0.5, 0.97]) {
      binomial(n, p).forEach((chance, k) => {
        if (chance < 1e-290) return;
        assert.ok(Math.abs(Math.exp(logBinomial(n, k, p)) / chance - 1) < 1e-10, `${k} of ${n} at ${p}`);
      });
    }
  }
});

test("a rate of 0 or 1 leaves one outcome", () => {
  assert.deepEqual([logBinomial(5, 0, 0), logBinomial(5, 5, 1)], [0, 0]);
  assert.equal(logBinomial(5, 1, 0), Number.NEGATIVE_INFINITY);
  assert.equal(logBinomial(5, 4, 1), Number.NEGATIVE_INFINITY);
});

test("billions do not cancel: the peak of the law is that of its normal limit", () => {
  const n = 1e9;
  const peak = -0.5 * Math.log(2 * Math.PI * n * 0.25);
  assert.ok(Math.abs(logBinomial(n, n / 2, 0.5) - peak) < 1e-8);
});

test("the logarithm of the gamma function is that of factorials", () => {
  let factorial = 0;
  for (let n = 1; n < 150; n++) {
    assert.ok(Math.abs(logGamma(n) - factorial) <= 1e-13 * Math.max(1, factorial));
    factorial += Math.log(n);
  }
});
