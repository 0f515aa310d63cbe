import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { runs } from "../testing/runs.fixture.ts";
import {
  countValue,
  createLateEvidence,
  emptyValues,
  type MeanDesign,
  meanDesign,
  meanIncrements,
  mergeValues,
  mixture,
  planStarts,
  type ScoreBlock,
  summarise,
} from "./index.ts";
import { seeded } from "./published.fixture.ts";

const nulls = [
  { ratio: 1, points: 0 },
  { ratio: 1.3, points: 0 },
  { ratio: 1, points: 0.05 },
  { ratio: 0.9, points: 0.1 },
  { ratio: 0, points: 0.35 },
];
const designs: readonly MeanDesign[] = nulls.flatMap((hypothesis) =>
  [0.02, 0.3, 0.6].flatMap((forecast) =>
    (["harm", "safety"] as const).map((direction) => meanDesign({ direction, null: hypothesis, forecast })),
  ),
);

function counted(values: readonly number[], cells = 8): Float64Array {
  const counts = emptyValues(cells);
  for (const value of values) countValue(counts, value);
  return counts;
}

/** All samples of size n from a distribution over three values, with their probabilities. */
function samples(n: number, law: readonly (readonly [value: number, chance: number])[]): [number[], number][] {
  let all: [number[], number][] = [[[], 1]];
  for (let i = 0; i < n; i++) {
    all = all.flatMap(([values, p]) =>
      law.map(([value, chance]): [number[], number] => [[...values, value], p * chance]),
    );
  }
  return all.filter(([, p]) => p > 0);
}

/** Distributions with this mean: two points, three points, spread and tight. */
function lawsOf(mean: number): readonly (readonly [number, number])[][] {
  const laws: (readonly [number, number])[][] = [
    [
      [0, 1 - mean],
      [1, mean],
    ],
    [[mean, 1]],
  ];
  if (mean <= 0.5)
    laws.push([
      [0, 1 - 2 * mean],
      [0.5, 2 * mean],
    ]);
  if (mean >= 0.25)
    laws.push([
      [0.25, (1 - mean) / 0.75],
      [1, (mean - 0.25) / 0.75],
    ]);
  return laws;
}

test("no e-value expects more than 1 anywhere on its null, whatever the distributions are", () => {
  let worst = 0;
  for (const design of designs) {
    const { ratio, points } = design.null;
    for (const [n1, n0] of [
      [1, 1],
      [2, 1],
      [1, 4],
      [3, 2],
      [2, 0],
    ] as const) {
      for (const mean0 of [0.01, 0.3, 0.8]) {
        const line = ratio * mean0 + points;
        const inside = design.direction === "harm" ? line * 0.8 : line * 1.1;
        for (const mean1 of [line, inside].filter((mean) => mean <= 1)) {
          for (const law1 of lawsOf(mean1))
            for (const law0 of lawsOf(mean0)) {
              const expectation = design.alternatives.map(() => 0);
              for (const [first, p] of samples(n1, law1))
                for (const [second, q] of samples(n0, law0)) {
                  meanIncrements(design, { candidate: counted(first, 4), reference: counted(second, 4) }).forEach(
                    (log, j) => {
                      expectation[j]! += p * q * Math.exp(log);
                    },
                  );
                }
              worst = Math.max(worst, ...expectation);
            }
        }
      }
    }
  }
  assert.ok(worst <= 1 + 1e-9, String(worst));
  assert.ok(worst > 0.999, "the bound is reached");
});

const value = fc.oneof(
  fc.constantFrom(0, 0.5, 1),
  fc.integer({ min: 0, max: 1000 }).map((part) => part / 1000),
);
const blocks = fc.record({
  candidate: fc.array(value, { maxLength: 12 }),
  reference: fc.oneof(
    fc.array(value, { minLength: 1, maxLength: 20 }),
    fc.array(fc.constantFrom(0.9, 1), { minLength: 1, maxLength: 20 }),
  ),
});
const anyDesign = fc.constantFrom(...designs);

function neverHelps(design: MeanDesign, before: ScoreBlock, after: ScoreBlock): void {
  const [a, b] = [meanIncrements(design, before), meanIncrements(design, after)];
  for (let j = 0; j < a.length; j++) {
    const wrong = design.direction === "harm" ? a[j]! - b[j]! : b[j]! - a[j]!;
    assert.ok(wrong <= 1e-9 * Math.max(1, Math.abs(a[j]!)), `bet ${j}: ${a[j]} then ${b[j]}`);
  }
}

test("adding outcomes of the worst kind never lowers harm and never raises safety", () => {
  fc.assert(
    fc.property(anyDesign, blocks, fc.constantFrom(1, 1, 7, 300), (design, { candidate, reference }, more) => {
      const after = [...candidate, ...Array.from({ length: more }, () => 1)];
      neverHelps(
        design,
        { candidate: counted(candidate), reference: counted(reference) },
        { candidate: counted(after), reference: counted(reference) },
      );
    }),
    { seed: 1, numRuns: runs(2000) },
  );
});

test("a candidate outcome that turns worse never lowers harm and never raises safety", () => {
  fc.assert(
    fc.property(anyDesign, blocks, value, fc.nat(), (design, { candidate, reference }, worse, which) => {
      if (candidate.length === 0) return;
      const place = which % candidate.length;
      const after = candidate.with(place, Math.max(worse, candidate[place]!));
      neverHelps(
        design,
        { candidate: counted(candidate), reference: counted(reference) },
        { candidate: counted(after), reference: counted(reference) },
      );
    }),
    { seed: 2, numRuns: runs(2000) },
  );
});

/** A normal of this mean and spread, clipped to [0, 1]. */
function score(random: () => number, mean: number, spread: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(1, Math.max(0, mean + spread * normal));
}

test("a fall in sentiment is found near the Gaussian bound; none is found where there is none", () => {
  const design = meanDesign({ direction: "harm", null: { ratio: 1, points: 0 }, forecast: 0.4 });
  const random = seeded(31);
  const until = (mean: number, alpha: number, most: number) => {
    const evidence = createLateEvidence(design, planStarts(1));
    for (let block = 1; block <= most; block++) {
      const candidate = counted([score(random, mean, 0.25), score(random, mean, 0.25)], 32);
      const reference = counted(
        Array.from({ length: 38 }, () => score(random, 0.4, 0.25)),
        32,
      );
      evidence.add(0, meanIncrements(design, { candidate, reference }));
      if (evidence.log() >= Math.log(1 / alpha)) return 2 * block;
    }
    return undefined;
  };
  const runs = 60;
  const mean = Array.from({ length: runs }, () => until(0.55, 0.001, 2000)!).reduce((a, b) => a + b) / runs;
  const bound = (2 * Math.log(1000) * 0.25 ** 2 * (1 + 0.05 / 0.95)) / 0.15 ** 2;
  assert.ok(mean / bound < 1.5 && mean / bound > 0.9, `${mean} of ${bound}`);
  // 60 healthy lives at 5 %: three standard errors are 5 lives.
  assert.ok(Array.from({ length: 60 }, () => until(0.4, 0.05, 60)).filter((n) => n !== undefined).length <= 8);
});

test("safety is certified for a candidate as good as the reference", () => {
  const design = meanDesign({ direction: "safety", null: { ratio: 1, points: 0.1 }, forecast: 0.4 });
  const random = seeded(32);
  const totals = new Float64Array(design.alternatives.length);
  for (let block = 0; block < 100; block++) {
    const candidate = counted(
      Array.from({ length: 5 }, () => score(random, 0.4, 0.25)),
      32,
    );
    const reference = counted(
      Array.from({ length: 20 }, () => score(random, 0.4, 0.25)),
      32,
    );
    meanIncrements(design, { candidate, reference }).forEach((log, j) => {
      totals[j]! += log;
    });
  }
  assert.ok(mixture(design, totals) > Math.log(20), String(mixture(design, totals)));
});

test("counts by value keep number and mean, and merge in any order to the same bits", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 50 }),
      fc.nat(50),
      (values, cut) => {
        const whole = counted(values);
        const [left, right] = [counted(values.slice(0, cut)), counted(values.slice(cut))];
        mergeValues(right, left);
        assert.deepEqual(right, whole);
        const { n, mean } = summarise(whole);
        assert.equal(n, values.length);
        assert.ok(Math.abs(mean - values.reduce((a, b) => a + b) / values.length) < 1e-6);
      },
    ),
    { seed: 3, numRuns: 200 },
  );
});

test("cells cost evidence, never validity: the finer, the more", () => {
  const design = meanDesign({ direction: "harm", null: { ratio: 1, points: 0 }, forecast: 0.4 });
  const values = Array.from({ length: 101 }, (_, i) => i / 100);
  const at = (cells: number) =>
    meanIncrements(design, { candidate: counted(values, cells), reference: counted(values, cells) });
  at(8).forEach((log, j) => {
    assert.ok(log <= at(32)[j]! && at(32)[j]! <= at(100)[j]! + 1e-9);
  });
});

test("a block that says nothing gives 0; nonsense is refused", () => {
  const design = meanDesign({ direction: "harm", null: { ratio: 1, points: 0 }, forecast: 0.5 });
  const some = counted([0.2, 0.9]);
  assert.ok(meanIncrements(design, { candidate: emptyValues(8), reference: some }).every((log) => log === 0));
  assert.ok(meanIncrements(design, { candidate: some, reference: emptyValues(8) }).every((log) => log === 0));
  const edge = meanDesign({ direction: "safety", null: { ratio: 1, points: 0.1 }, forecast: 0 });
  assert.ok(meanIncrements(edge, { candidate: some, reference: some }).every(Number.isFinite));
  assert.deepEqual([...counted([-3, 7], 1)], [1, 1]);
  assert.ok(Number.isNaN(summarise(emptyValues()).mean));
  assert.throws(() => meanIncrements(design, { candidate: some, reference: emptyValues() }), RangeError);
  assert.throws(() => meanIncrements(design, { candidate: [1, -1], reference: [1, 1] }), RangeError);
  assert.throws(() => countValue(emptyValues(), Number.NaN), RangeError);
  assert.throws(() => emptyValues(0), RangeError);
  assert.throws(() => mergeValues(emptyValues(3), emptyValues(4)), RangeError);
  for (const wrong of [{ forecast: 2 }, { null: { ratio: 0, points: 0 } }, { null: { ratio: 1, points: 0.9 } }]) {
    assert.throws(
      () => meanDesign({ direction: "harm", null: { ratio: 1, points: 0 }, forecast: 0.5, ...wrong }),
      RangeError,
    );
  }
});

test("scores that all lie at the two ends of their scale are decided too, for either split", () => {
  const next = seeded(12);
  for (const [p1, p0, n1, n0, within] of [
    [0.7, 0.5, 5, 95, 120],
    [0.7, 0.5, 50, 50, 40],
    [0.95, 0.8, 5, 95, 150],
  ] as const) {
    const margin = p0 === 0.8 ? 0.05 : 0.1;
    const design = meanDesign({ direction: "harm", null: { ratio: 1, points: margin }, forecast: p0 });
    const ends = (n: number, p: number) => {
      const bad = Array.from({ length: n }, () => next()).filter((chance) => chance < p).length;
      return emptyValues()
        .fill(n - bad, 0, 1)
        .fill(bad, -1);
    };
    const totals = new Float64Array(design.alternatives.length);
    for (let block = 0; block < within; block++)
      meanIncrements(design, { candidate: ends(n1, p1), reference: ends(n0, p0) }).forEach((log, j) => {
        totals[j]! += log;
      });
    assert.ok(mixture(design, totals) > Math.log(1000), `${p1} against ${p0}, ${n1} of ${n1 + n0}`);
  }
});
