import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  disparityEvidence,
  type GroupCounts,
  harmDesign,
  increments,
  mixture,
  pairBlocks,
  pairsOf,
  paritySafety,
  pointsApart,
  safetyDesign,
  selectedAtLeast,
} from "./index.ts";
import { binomial, draw, seeded } from "./published.fixture.ts";

const fifths = harmDesign({ form: "projected-bernoulli", null: selectedAtLeast(0.8), forecast: 0.4 });
const points = harmDesign({ form: "projected-bernoulli", null: pointsApart(0.08), forecast: 0.4 });

function evidence(design: typeof fifths, buckets: readonly (readonly GroupCounts[])[]) {
  const pairs = pairsOf(buckets[0]!.length);
  const totals = pairs.map(() => new Float64Array(design.alternatives.length));
  for (const groups of buckets) {
    pairBlocks(groups).forEach((block, i) => {
      increments(design, block).forEach((log, j) => {
        totals[i]![j]! += log;
      });
    });
  }
  return totals.map((total) => mixture(design, total));
}

test("four fifths means four fifths of the selected", () => {
  const { ratio, points: at } = selectedAtLeast(0.8);
  // Selected 50 % and 40 %: exactly on the line.
  assert.ok(Math.abs(ratio * 0.5 + at - 0.6) < 1e-12);
  assert.throws(() => selectedAtLeast(0), RangeError);
  assert.throws(() => pairsOf(1), RangeError);
});

test("the e-value expects at most 1 while no pair is apart, by enumeration of three groups", () => {
  for (const [design, rates] of [
    [fifths, [0.6, 0.5, 0.55]],
    [points, [0.48, 0.4, 0.44]],
    [points, [0.4, 0.4, 0.4]],
  ] as const) {
    let expectation = 0;
    const laws = rates.map((rate) => binomial(3, rate));
    for (let a = 0; a <= 3; a++)
      for (let b = 0; b <= 3; b++)
        for (let c = 0; c <= 3; c++) {
          const { log } = disparityEvidence(
            evidence(design, [
              [
                { n: 3, k: a },
                { n: 3, k: b },
                { n: 3, k: c },
              ],
            ]),
          );
          expectation += laws[0]![a]! * laws[1]![b]! * laws[2]![c]! * Math.exp(log);
        }
    assert.ok(expectation <= 1 + 1e-9, String(expectation));
  }
});

const group = fc.nat(15).chain((n) => fc.record({ n: fc.constant(n), k: fc.nat(n) }));
const buckets = fc.array(fc.tuple(group, group, group), { minLength: 1, maxLength: 5 });

test("one more bad outcome in the worse-off group never lowers the evidence", () => {
  fc.assert(
    fc.property(fc.constantFrom(fifths, points), buckets, fc.nat(), fc.boolean(), (design, before, at, turn) => {
      const found = disparityEvidence(evidence(design, before));
      const { worse } = pairsOf(3)[found.pair]!;
      const after = before.map((groups, index) =>
        index !== at % before.length
          ? groups
          : groups.map((one, i) => {
              if (i !== worse) return one;
              return turn && one.k < one.n ? { n: one.n, k: one.k + 1 } : { n: one.n + 1, k: one.k + 1 };
            }),
      );
      assert.ok(disparityEvidence(evidence(design, after)).log >= found.log - 1e-9);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("a group that is worse off is found and named; equal groups are certified", () => {
  const random = seeded(71);
  const bucket = (rates: readonly number[]) => rates.map((rate) => ({ n: 40, k: draw(random, 40, rate) }));
  const stream = (rates: readonly number[]) => Array.from({ length: 80 }, () => bucket(rates));
  const found = disparityEvidence(evidence(points, stream([0.4, 0.62, 0.4])));
  assert.ok(found.log > Math.log(1000));
  assert.equal(pairsOf(3)[found.pair]!.worse, 1);
  assert.ok(disparityEvidence(evidence(points, stream([0.4, 0.4, 0.4]))).log < Math.log(20));
  const safe = safetyDesign({ form: "projected-bernoulli", null: pointsApart(0.12), forecast: 0.4 });
  assert.ok(paritySafety(evidence(safe, stream([0.4, 0.4, 0.4]))) > Math.log(20));
});

test("no pairs are no evidence", () => {
  assert.equal(disparityEvidence([]).log, 0);
  assert.equal(paritySafety([]), 0);
});
