import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { divergence, informationBound } from "./information-bound.ts";

const near = (actual: number, expected: number, part: number) =>
  assert.ok(Math.abs(actual - expected) <= part * expected, `${actual} is not near ${expected}`);

test("the two-arm bound agrees with the published bad answers at a 5 % canary of a 0.5 % baseline", () => {
  const bad = (p1: number) => p1 * informationBound({ p1, p0: 0.005, share: 0.05, ratio: 1, points: 0, alpha: 0.001 });
  near(bad(0.013), 21.7, 0.005);
  near(bad(0.02), 11.8, 0.005);
  near(bad(0.05), 5.6, 0.01);
});

test("a margin of 60 % costs the published number of bad answers", () => {
  const bad = (p1: number) =>
    p1 * informationBound({ p1, p0: 0.005, share: 0.05, ratio: 1.6, points: 0, alpha: 0.001 });
  near(bad(0.013), 74.6, 0.01);
  near(bad(0.02), 24.2, 0.01);
  near(bad(0.05), 8.1, 0.01);
});

test("the one-sample bound is Wald's, for a fixed limit and for a known baseline", () => {
  const limit = (p1: number) => informationBound({ p1, p0: 0.005, share: 0.05, ratio: 0, points: 0.008, alpha: 0.001 });
  near(limit(0.013), 5216, 0.001);
  near(limit(0.02), 1080, 0.001);
  near(limit(0.05), 137, 0.005);
  const known = informationBound({ p1: 0.02, p0: 0.005, share: 0, ratio: 1, points: 0, alpha: 0.001 });
  near(0.02 * known, 10.8, 0.01);
});

test("a falling approval rate needs the published number of observations", () => {
  const needed = informationBound({ p1: 0.46, p0: 0.4, share: 0, ratio: 0.95, points: 0.05, alpha: 0.001 });
  near(needed, 3958, 0.07);
});

const grid = (most: number) => fc.integer({ min: 0, max: most }).map((step) => step / 1000);
const rate = grid(1000);
const question = fc.record({
  p1: rate,
  p0: rate,
  share: rate,
  ratio: grid(20_000),
  points: rate,
  alpha: fc.double({ min: 1e-9, max: 0.5, noNaN: true }),
});

test("the bound is never negative for every question, and infinite inside the null", () => {
  fc.assert(
    fc.property(question, (asked) => {
      const needed = informationBound(asked);
      const limit = asked.ratio * asked.p0 + asked.points;
      // One bad outcome refutes a limit of nothing, however rare it is.
      assert.ok(limit === 0 ? needed >= 0 : needed > 0, String(needed));
      assert.ok(!Number.isNaN(needed));
      if (asked.p1 <= limit) assert.equal(needed, Number.POSITIVE_INFINITY);
    }),
  );
});

test("not knowing the baseline never makes a decision cheaper", () => {
  fc.assert(
    fc.property(question, (asked) => {
      assert.ok(informationBound({ ...asked, share: 0 }) <= informationBound(asked) * (1 + 1e-9));
    }),
  );
});

test("no other baseline of the null lies nearer than the one that the bound finds", () => {
  const inner = fc.double({ min: 0.01, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(inner, inner, inner, inner, (p1, p0, share, x) => {
      const needed = informationBound({ p1, p0, share, ratio: 1, points: 0, alpha: 0.01 });
      const information = Math.log(100) / needed;
      if (p1 > p0) assert.ok(information <= divergence(p1, x) + ((1 - share) / share) * divergence(p0, x) + 1e-9);
    }),
  );
});

test("nothing is compared when all traffic is on the candidate", () => {
  const needed = informationBound({ p1: 0.5, p0: 0.1, share: 1, ratio: 1, points: 0, alpha: 0.01 });
  assert.ok(needed > 1e9);
});

test("numbers outside their range are refused", () => {
  const sound = { p1: 0.5, p0: 0.1, share: 0.5, ratio: 1, points: 0, alpha: 0.01 };
  for (const wrong of [{ p1: 2 }, { p0: -1 }, { share: Number.NaN }, { alpha: 0 }, { ratio: -1 }, { points: -0.1 }]) {
    assert.throws(() => informationBound({ ...sound, ...wrong }), RangeError);
  }
});
