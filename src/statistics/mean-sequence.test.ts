import assert from "node:assert/strict";
import { test } from "node:test";
import { meanDifferenceBound, normalMixtureBound } from "./index.ts";
import { mixtureWidth } from "./mean-sequence.ts";
import { seeded } from "./published.fixture.ts";

const sums = (values: readonly number[]) => ({
  n: values.length,
  sum: values.reduce((a, b) => a + b, 0),
  squares: values.reduce((a, b) => a + b * b, 0),
});

test("the bound is GrowthBook's, to the last digit (its test of the one-sided sequential test, absolute difference)", () => {
  const a = { n: 3000, sum: 1396.87, squares: 52377.9767 };
  const b = { n: 3461, sum: 2422.7, squares: 134698.29 };
  const { lower, burnedIn, approximate } = meanDifferenceBound(b, a, 0.05, 5000);
  assert.equal(lower, -0.12656844172804982);
  assert.ok(burnedIn);
  assert.match(approximate, /approximate/);
});

test("the normal mixture is confseq's (uniform_boundaries_unittest.cpp)", () => {
  assert.ok(Math.abs(mixtureWidth(0.05, 100) - 12.60056) < 5e-6);
  assert.ok(Math.abs(normalMixtureBound(100, 0.05, 100) - 30.35209) < 5e-6);
});

test("the bound excludes the truth as rarely as it says, at any look after its burn-in", () => {
  const random = seeded(61);
  const value = () => -Math.log(1 - random()) * 40;
  const draw = (n: number) => Array.from({ length: n }, value);
  const [runs, alpha] = [150, 0.1];
  let wrong = 0;
  for (let run = 0; run < runs; run++) {
    let [a, b] = [sums(draw(1000)), sums(draw(1000))];
    const add = (x: typeof a, y: typeof a) => ({ n: x.n + y.n, sum: x.sum + y.sum, squares: x.squares + y.squares });
    for (let look = 0; look < 15; look++) {
      if (meanDifferenceBound(a, b, alpha).lower > 0) {
        wrong++;
        break;
      }
      [a, b] = [add(a, sums(draw(200))), add(b, sums(draw(200)))];
    }
  }
  // 150 runs at 10 %: three standard errors are 7 points.
  assert.ok(wrong / runs <= alpha + 0.07, String(wrong));
});

test("a great difference is found, early units do not decide, and nonsense is refused", () => {
  const some = { n: 1500, sum: 1500, squares: 3000 };
  assert.ok(meanDifferenceBound({ n: 1500, sum: 3000, squares: 9000 }, some, 0.001).lower > 0.5);
  assert.equal(meanDifferenceBound({ n: 20, sum: 3000, squares: 9e5 }, some, 0.001).burnedIn, false);
  assert.throws(() => meanDifferenceBound(some, { n: 1, sum: 1, squares: 1 }, 0.001), RangeError);
  assert.throws(() => meanDifferenceBound(some, some, 0.6), RangeError);
});
