import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createSeededRandom } from "../simulation/random.ts";
import { spreadOf, type ValueBlock, valueDesign, valueIncrements } from "./asymptotic-mean.ts";
import { growthOf, linearValueEvidence } from "./linear-evidence.ts";
import { mixture } from "./recursion.ts";

const random = createSeededRandom("values");
/** Skewed: the mean is 1, and so is the standard deviation. */
const exponential = () => -Math.log(1 - random.next());
const before = Array.from({ length: 5000 }, () => [exponential(), 1] as const);
const request = { compares: true, line: 0.1, before } as const;
const harm = valueDesign({ direction: "harm", ...request });
const safety = valueDesign({ direction: "safety", ...request });
const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

describe("evidence about a mean without ends", () => {
  it("takes its ends and a bound of the variance from what was seen before", () => {
    const { mean, deviation } = spreadOf(before);
    assert.ok(Math.abs(mean - 1) < 0.05 && Math.abs(deviation - 1) < 0.1);
    assert.ok(harm.greatest >= mean + 0.1 + 6 * deviation && harm.least <= mean - 6 * deviation);
    const spreads = harm.alternatives.map(({ spread }) => spread);
    assert.deepEqual(
      spreads,
      spreads.toSorted((a, b) => a - b),
    );
    assert.ok(spreads[0]! >= deviation ** 2);
  });

  it("asks for values that differ", () => {
    for (const values of [[], [[1, 1]], [[3, 100]]] as const)
      assert.throws(() => valueDesign({ direction: "harm", ...request, before: values }), RangeError);
  });

  it("has an expectation of about 1 at the line, skewed as the values are, and grows beyond it", () => {
    const draw = (n: number, shift: number) => sumOf(Array.from({ length: n }, () => exponential() + shift));
    const factors = (shift: number, design: typeof harm) => {
      const sums = design.alternatives.map(() => 0);
      for (let run = 0; run < 2000; run++) {
        const increments = valueIncrements(design, { n1: 20, sum1: draw(20, shift), n0: 60, sum0: draw(60, 0) });
        for (const [j, log] of increments.entries()) sums[j]! += Math.exp(log) / 2000;
      }
      return sums;
    };
    for (const design of [harm, safety])
      for (const factor of factors(0.1, design)) assert.ok(factor < 1.12, `${factor}`);
    assert.ok(factors(1, harm)[6]! > 1.2);
  });

  it("never falls by a worse outcome, or by one more of the worst; safety never rises", () => {
    const value = fc.double({ min: -4, max: 30, noNaN: true });
    const arm = fc.array(value, { minLength: 1, maxLength: 30 });
    const [cut, raise] = [
      (x: number) => Math.min(harm.greatest, Math.max(harm.least, x)),
      fc.double({ min: 0, max: 40, noNaN: true }),
    ];
    fc.assert(
      fc.property(arm, arm, raise, fc.nat(), fc.boolean(), fc.boolean(), (one, other, more, place, added, alone) => {
        const design = { harm: { ...harm, compares: !alone }, safety: { ...safety, compares: !alone } };
        const at = place % one.length;
        const worse = added ? [...one, harm.greatest] : one.with(at, one[at]! + more);
        const block = (values: readonly number[]): ValueBlock => ({
          n1: values.length,
          sum1: sumOf(values.map(cut)),
          n0: other.length,
          sum0: sumOf(other.map(cut)),
        });
        for (const name of ["harm", "safety"] as const) {
          const [was, is] = [valueIncrements(design[name], block(one)), valueIncrements(design[name], block(worse))];
          for (const [j, log] of is.entries()) {
            const grew = name === "harm" ? log - was[j]! : was[j]! - log;
            assert.ok(grew >= -1e-9, `${name} ${j}: ${was[j]} to ${log}`);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("says nothing without a reference, and little where the reference is itself as bad as can be", () => {
    assert.ok(valueIncrements(harm, { n1: 5, sum1: 50, n0: 0, sum0: 0 }).every((log) => log === 0));
    const worst = { n1: 0, sum1: 0, n0: 10, sum0: 10 * harm.greatest };
    assert.ok(valueIncrements(harm, worst).every((log) => log < 0));
    const safe = valueIncrements(safety, { ...worst, n1: 5, sum1: 5 * safety.greatest });
    assert.ok(safe[0] === 0 && safe.every((log) => log <= 0), `${safe}`);
    assert.ok(valueIncrements(harm, { n1: 0, sum1: 0, n0: 10, sum0: 10 }).every((log) => log === 0));
  });

  it("raises an alarm in at most alpha of lives at the line, though the values are skewed", () => {
    const alpha = 0.05;
    let alarms = 0;
    for (let life = 0; life < 80; life++) {
      const totals = harm.alternatives.map(() => 0);
      for (let block = 0; block < 100; block++) {
        const sum = (n: number, shift: number) =>
          sumOf(Array.from({ length: n }, () => Math.min(harm.greatest, exponential() + shift)));
        const more = valueIncrements(harm, { n1: 20, sum1: sum(20, 0.1), n0: 40, sum0: sum(40, 0) });
        for (const [j, log] of more.entries()) totals[j]! += log;
        if (mixture(harm, totals) >= -Math.log(alpha)) {
          alarms += 1;
          break;
        }
      }
    }
    // Binomial(80, 0.05) is above 10 in 2 of 1000 cases.
    assert.ok(alarms <= 10, `${alarms} of 80`);
  });

  it("as lint and check reckon it, is linear in values one deviation above or below their mean", () => {
    for (const direction of ["harm", "safety"] as const) {
      const linear = linearValueEvidence(direction, 0.1, 0.2);
      const pairs = [
        [-1, 5e5],
        [1, 5e5],
      ] as const;
      const design = valueDesign({ direction, compares: true, line: 0.1, before: pairs });
      const block = { n1: 100, sum1: 2 * 60 - 100, n0: 400, sum0: 0 };
      const found = valueIncrements(design, block);
      for (const [j, each] of growthOf(linear, 0.6, 0.5).entries())
        assert.ok(Math.abs(100 * each - found[j]!) < 1e-3, `${direction} ${j}: ${100 * each}, ${found[j]}`);
    }
  });
});
