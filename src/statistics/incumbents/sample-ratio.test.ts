import assert from "node:assert/strict";
import { test } from "node:test";
import { binomial } from "../published.fixture.ts";
import { sampleRatioEvidence } from "./sample-ratio.ts";

test("the sample ratio's evidence expects exactly 1 on the planned shares, in one epoch and in two", () => {
  const split = (n: number, share: number, of: (n: number, k: number) => number) =>
    binomial(n, share).reduce((sum, chance, k) => sum + chance * Math.exp(of(n, k)), 0);
  const epoch = (n: number, k: number, share: number) => ({ counts: [k, n - k], shares: [share, 1 - share] });
  for (const share of [0.01, 0.05, 0.5]) {
    assert.ok(Math.abs(split(60, share, (n, k) => sampleRatioEvidence([epoch(n, k, share)])) - 1) < 1e-9);
  }
  const two = split(12, 0.05, (n, k) =>
    Math.log(split(9, 0.25, (m, j) => sampleRatioEvidence([epoch(n, k, 0.05), epoch(m, j, 0.25)]))),
  );
  assert.ok(Math.abs(two - 1) < 1e-9);
});

test("a sample ratio that is off by a tenth is refuted, a true one is not, after a billion requests too", () => {
  const off = sampleRatioEvidence([{ counts: [5500, 94_500], shares: [0.05, 0.95] }]);
  assert.ok(off > Math.log(1000));
  assert.ok(sampleRatioEvidence([{ counts: [5000, 95_000], shares: [0.05, 0.95] }]) < 0);
  assert.ok(sampleRatioEvidence([{ counts: [50_000_000, 950_000_000], shares: [0.05, 0.95] }]) < 0);
  assert.ok(sampleRatioEvidence([{ counts: [50_100_000, 949_900_000], shares: [0.05, 0.95] }]) > 90);
  assert.equal(sampleRatioEvidence([]), 0);
});

test("shares and counts that are none are refused", () => {
  for (const epoch of [
    { counts: [1, 2], shares: [0.5, 0.4] },
    { counts: [1, 2], shares: [1, 0] },
    { counts: [1], shares: [0.5, 0.5] },
    { counts: [1, -2], shares: [0.5, 0.5] },
  ]) {
    assert.throws(() => sampleRatioEvidence([epoch]), RangeError);
  }
});
