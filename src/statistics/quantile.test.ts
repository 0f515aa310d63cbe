import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bucketOf, createLogHistogram, quantileBounds, upperEdge } from "./index.ts";
import { binomial, seeded } from "./published.fixture.ts";

const values = fc.array(fc.double({ min: 1e-7, max: 1e10, noNaN: true }), { minLength: 1, maxLength: 60 });

function histogramOf(list: readonly number[]) {
  const histogram = createLogHistogram();
  for (const value of list) histogram.count(value);
  return histogram;
}

test("every value lies in its bucket, and a bucket is 2 % wide", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 9e8, noNaN: true }), (value) => {
      const bucket = bucketOf(value);
      assert.ok(value <= upperEdge(bucket) * (1 + 1e-12));
      if (bucket > 0) assert.ok(value > upperEdge(bucket - 1) * (1 - 1e-12));
      if (bucket > 0) assert.ok(upperEdge(bucket) / upperEdge(bucket - 1) < 1.0203);
    }),
    { seed: 1, numRuns: 500 },
  );
  assert.equal(bucketOf(0), 0);
  assert.equal(bucketOf(-1), 0);
  assert.equal(upperEdge(bucketOf(1e300)), Number.POSITIVE_INFINITY);
});

test("histograms merge exactly, in any order, and survive JSON", () => {
  fc.assert(
    fc.property(values, fc.nat(60), (list, cut) => {
      const whole = histogramOf(list);
      const [left, right] = [histogramOf(list.slice(0, cut)), histogramOf(list.slice(cut))];
      right.merge(left);
      assert.deepEqual(right.entries(), whole.entries());
      assert.equal(right.total, list.length);
      assert.deepEqual(createLogHistogram(JSON.parse(JSON.stringify(whole.entries()))).entries(), whole.entries());
    }),
    { seed: 2, numRuns: 100 },
  );
});

test("exceedances are exact at the edges", () => {
  fc.assert(
    fc.property(values, fc.nat(1700), (list, bucket) => {
      assert.equal(histogramOf(list).above(bucket), list.filter((value) => bucketOf(value) > bucket).length);
    }),
    { seed: 3, numRuns: 100 },
  );
});

test("a quantile is known to 1 % and lies within its bounds, which part with more doubt", () => {
  const random = seeded(51);
  const list = Array.from({ length: 5000 }, () =>
    Math.exp(Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(6.28 * random())),
  );
  const histogram = histogramOf(list);
  const sorted = list.toSorted((a, b) => a - b);
  for (const quantile of [0.05, 0.5, 0.95, 0.99]) {
    const found = quantileBounds(histogram, quantile, 0.025);
    const truth = sorted[Math.ceil(quantile * 5000) - 1]!;
    assert.ok(Math.abs(found.estimate / truth - 1) <= 0.0101);
    assert.ok(found.low <= truth && truth <= found.high && found.high / found.low < 1.3);
    assert.ok(quantileBounds(histogram, quantile, 0.0001).low <= found.low);
  }
});

test("a bound of a quantile fails as rarely as was asked for, by enumeration", () => {
  // n values; the quantile lies at the edge between buckets, so below it are Binomial(n, quantile) of them.
  for (const [n, quantile, error] of [
    [40, 0.5, 0.05],
    [60, 0.9, 0.025],
    [30, 0.2, 0.1],
  ] as const) {
    const [edge, chances] = [upperEdge(700), binomial(n, quantile)];
    let [lowFails, highFails] = [0, 0];
    chances.forEach((chance, below) => {
      const histogram = createLogHistogram();
      histogram.count(upperEdge(690), below);
      histogram.count(upperEdge(710), n - below);
      const { low, high } = quantileBounds(histogram, quantile, error);
      if (low > edge) lowFails += chance;
      if (high < edge) highFails += chance;
    });
    assert.ok(lowFails <= error + 1e-12 && lowFails > 0, String(lowFails));
    assert.ok(highFails <= error + 1e-12 && highFails > 0, String(highFails));
  }
});

test("too few values bound nothing, and billions are no trouble", () => {
  const few = histogramOf([1, 2, 3]);
  assert.deepEqual(
    [quantileBounds(few, 0.99, 0.01).high, quantileBounds(few, 0.01, 0.01).low],
    [Number.POSITIVE_INFINITY, 0],
  );
  const many = createLogHistogram();
  for (let i = 0; i < 100; i++) many.count(1.05 ** i, 1e7);
  const { low, high, estimate } = quantileBounds(many, 0.505, 0.001);
  assert.ok(low <= 1.05 ** 50 && 1.05 ** 50 <= high * (1 + 1e-9) && high / low < 1.03);
  assert.ok(Math.abs(estimate / 1.05 ** 50 - 1) <= 0.0101);
  assert.equal(quantileBounds(histogramOf([0, 0]), 0.5, 0.4).estimate, 0);
});

test("quantiles of nothing and nonsense are refused", () => {
  const some = histogramOf([1]);
  assert.throws(() => quantileBounds(createLogHistogram(), 0.5, 0.1), RangeError);
  assert.throws(() => quantileBounds(some, 1, 0.1), RangeError);
  assert.throws(() => quantileBounds(some, 0.5, 0.5), RangeError);
  assert.throws(() => some.count(Number.NaN), RangeError);
  assert.throws(() => some.count(1, -1), RangeError);
  assert.throws(() => createLogHistogram([[2.5, 1]]), RangeError);
  some.count(1, 0);
  assert.equal(some.total, 1);
});
