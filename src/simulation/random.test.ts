import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { drawBinomial, drawChance, drawExponential, drawInteger, drawOrder, drawPick, drawPoisson } from "./draws.ts";
import { createSeededIds } from "./ids.ts";
import { createSeededRandom } from "./random.ts";

const take = <T>(count: number, draw: () => T) => Array.from({ length: count }, draw);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: readonly number[]) => {
  const centre = mean(values);
  return mean(values.map((value) => (value - centre) ** 2));
};
const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);

describe("seeded random", () => {
  test("the same seed gives the same draws and another seed gives others", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        const draws = (seed: string) => take(8, createSeededRandom(seed).next);
        assert.deepEqual(draws(one), draws(one));
        if (one !== other) assert.notDeepEqual(draws(one), draws(other));
      }),
    );
  });

  test("forks are independent of how much the parent has drawn, and of one another", () => {
    const parent = createSeededRandom(7);
    const early = take(4, parent.fork("faults").next);
    take(100, parent.next);
    assert.deepEqual(take(4, parent.fork("faults").next), early);
    assert.notDeepEqual(take(4, parent.fork("traffic").next), early);
  });

  test("draws fill [0, 1) evenly, in pairs too, for consecutive seeds", () => {
    const cells = new Array<number>(64).fill(0);
    for (let seed = 0; seed < 4000; seed++) {
      const random = createSeededRandom(seed);
      for (let pair = 0; pair < 4; pair++) {
        const [x, y] = [random.next(), random.next()];
        assert.ok(x >= 0 && x < 1);
        cells[Math.floor(x * 8) * 8 + Math.floor(y * 8)]!++;
      }
    }
    const expected = 16_000 / 64;
    const chiSquare = cells.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    assert.ok(chiSquare < 115, `chi square ${chiSquare} with 63 degrees of freedom`);
  });

  test("binomial draws have the binomial's mean and variance in every branch", () => {
    const random = createSeededRandom("binomial");
    for (const [n, p] of [
      [20, 0.1],
      [1000, 0.004],
      [1000, 0.02],
      [500, 0.5],
      [40, 0.9],
      [100_000, 0.3],
    ] as const) {
      const draws = take(20_000, () => drawBinomial(random, n, p));
      const spread = n * p * (1 - p);
      near(mean(draws), n * p, 5 * Math.sqrt(spread / 20_000));
      near(variance(draws), spread, 0.06 * spread);
      assert.ok(draws.every((draw) => Number.isInteger(draw) && draw >= 0 && draw <= n));
    }
  });

  test("binomial draws by rejection follow the exact distribution", () => {
    const random = createSeededRandom("exact");
    const [n, p, count] = [60, 0.3, 40_000];
    const seen = new Map<number, number>();
    for (const draw of take(count, () => drawBinomial(random, n, p))) seen.set(draw, (seen.get(draw) ?? 0) + 1);
    let probability = (1 - p) ** n;
    let chiSquare = 0;
    for (let k = 0; k <= n; k++) {
      if (probability * count >= 20)
        chiSquare += ((seen.get(k) ?? 0) - probability * count) ** 2 / (probability * count);
      probability *= ((n - k) / (k + 1)) * (p / (1 - p));
    }
    assert.ok(chiSquare < 60, `chi square ${chiSquare} over about 25 cells`);
  });

  test("the edges of the binomial are certain", () => {
    const random = createSeededRandom(1);
    assert.equal(drawBinomial(random, 0, 0.5), 0);
    assert.equal(drawBinomial(random, 9, 0), 0);
    assert.equal(drawBinomial(random, 9, 1), 9);
    assert.equal(drawBinomial(random, 9, Number.NaN), 0);
  });

  test("Poisson draws have equal mean and variance, small and large", () => {
    const random = createSeededRandom("poisson");
    for (const rate of [0.3, 5, 12, 400]) {
      const draws = take(20_000, () => drawPoisson(random, rate));
      near(mean(draws), rate, 5 * Math.sqrt(rate / 20_000));
      near(variance(draws), rate, 0.06 * rate);
    }
    assert.equal(drawPoisson(random, 0), 0);
  });

  test("integers, picks, orders, chances and waiting times stay inside their bounds", () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.integer(), { minLength: 1 }), (seed, list) => {
        const random = createSeededRandom(seed);
        const drawn = drawInteger(random, 3, 6);
        assert.ok(Number.isInteger(drawn) && drawn >= 3 && drawn <= 6);
        assert.ok(list.includes(drawPick(random, list)));
        assert.deepEqual(
          drawOrder(random, list).sort((a, b) => a - b),
          [...list].sort((a, b) => a - b),
        );
        assert.ok(drawExponential(random, 10) >= 0);
        assert.equal(drawChance(random, 0), false);
        assert.equal(drawChance(random, 1), true);
      }),
    );
    const random = createSeededRandom("waiting");
    near(mean(take(20_000, () => drawExponential(random, 10))), 10, 0.4);
    assert.throws(() => drawPick(random, []), /Nothing to pick/);
  });

  test("ids are unique, sort by age and repeat with the seed", () => {
    const ids = createSeededIds(createSeededRandom(3));
    const made = take(200, () => ids.next("saga"));
    assert.equal(new Set(made).size, 200);
    assert.deepEqual([...made].sort(), made);
    assert.equal(createSeededIds(createSeededRandom(3)).next("saga"), made[0]);
  });
});
