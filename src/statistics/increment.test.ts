import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { runs } from "../testing/runs.fixture.ts";
import {
  type Block,
  chooseForm,
  type Design,
  type Form,
  harmDesign,
  increments,
  type MarginNull,
  mixture,
  safetyDesign,
} from "./index.ts";
import { binomial, publishedDesign } from "./published.fixture.ts";

const nulls: readonly MarginNull[] = [
  { ratio: 1, points: 0 },
  { ratio: 1.6, points: 0 },
  { ratio: 2, points: 0 },
  { ratio: 1, points: 0.02 },
  { ratio: 0.99, points: 0.01 },
  { ratio: 0.95, points: 0.05 },
  { ratio: 0.8, points: 0.2 },
  { ratio: 0, points: 0.008 },
  { ratio: 0, points: 0.3 },
];

const forecasts = [0, 0.005, 0.02, 0.3, 0.6, 1];

/** Every design that the forms allow. */
function everyDesign(): readonly Design[] {
  const forms: readonly Form[] = ["poisson-tilt", "projected-bernoulli"];
  return forms.flatMap((form) =>
    nulls.flatMap((hypothesis) =>
      forecasts
        .filter((forecast) => form !== "poisson-tilt" || hypothesis.ratio * forecast + hypothesis.points < 1 / 3)
        .flatMap((forecast) => {
          const request = { form, null: hypothesis, forecast };
          return [harmDesign(request), safetyDesign(request)];
        }),
    ),
  );
}

const designs = everyDesign();

/** The greatest expectation of any alternative's e-value, for one pair of rates. */
function worstExpectation(table: readonly Float64Array[][], p1: number, p0: number): number {
  const [n1, n0] = [table.length - 1, table[0]!.length - 1];
  const [first, second] = [binomial(n1, p1), binomial(n0, p0)];
  return Math.max(
    ...Array.from(table[0]![0]!, (_, j) =>
      first.reduce((sum, a, k1) => sum + a * second.reduce((s, b, k0) => s + b * Math.exp(table[k1]![k0]![j]!), 0), 0),
    ),
  );
}

test("the tilt gives the research vectors", () => {
  const design = publishedDesign();
  for (const [k1, k0, expected] of [
    [5, 3, 7.318652525542424],
    [10, 100, 0.414677149312202],
    [0, 50, -2.710565194731947],
  ] as const) {
    const log = mixture(design, increments(design, { n1: 50_000, k1, n0: 950_000, k0 }));
    assert.ok(Math.abs(log - expected) < 1e-12, `${k1} and ${k0}: ${log}`);
  }
});

test("the tilt's boundary at 1 in 100 is the research table", () => {
  const design = publishedDesign();
  const boundary = Array.from({ length: 50 }, (_, total) => {
    for (let k1 = 0; k1 <= total; k1++) {
      const block = { n1: 50_000, k1, n0: 950_000, k0: total - k1 };
      if (mixture(design, increments(design, block)) >= Math.log(100)) return k1;
    }
    return Number.POSITIVE_INFINITY;
  });
  const starts = [3, 4, 10, 17, 25, 33, 41];
  starts.forEach((from, index) => {
    for (let total = from; total < (starts[index + 1] ?? 50); total++) assert.equal(boundary[total], 3 + index);
  });
  assert.equal(boundary[2], Number.POSITIVE_INFINITY);
});

test("no e-value expects more than 1 anywhere on its null", () => {
  let worst = 0;
  for (const design of designs) {
    const { ratio, points } = design.null;
    for (const [n1, n0] of [
      [1, 1],
      [3, 2],
      [1, 6],
      [2, 0],
    ] as const) {
      const table = Array.from({ length: n1 + 1 }, (_, k1) =>
        Array.from({ length: n0 + 1 }, (_, k0) => increments(design, { n1, k1, n0, k0 })),
      );
      for (const p0 of [0, 0.001, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 1]) {
        const line = ratio * p0 + points;
        const inside = design.direction === "harm" ? line / 2 : (line + 1) / 2;
        for (const p1 of line > 1 && design.direction === "safety" ? [] : [Math.min(1, line), Math.min(1, inside)]) {
          worst = Math.max(worst, worstExpectation(table, p1, p0));
        }
      }
    }
  }
  assert.ok(worst <= 1 + 1e-9, String(worst));
  assert.ok(worst > 0.999999, "the bound is reached");
});

test("rates that differ inside a block do not raise the expectation", () => {
  for (const design of designs.filter((d) => d.direction === "harm" && d.null.ratio === 1 && d.null.points === 0)) {
    for (const spread of [0.1, 0.3]) {
      const [a, b] = [0.4 - spread, 0.4 + spread];
      const two = (p: number, q: number) => [(1 - p) * (1 - q), p * (1 - q) + q * (1 - p), p * q];
      let sum = 0;
      two(a, b).forEach((first, k1) => {
        two(b, a).forEach((second, k0) => {
          const log = mixture(design, increments(design, { n1: 2, k1, n0: 2, k0 }));
          sum += first * second * Math.exp(log);
        });
      });
      assert.ok(sum <= 1 + 1e-9);
    }
  }
});

const anyDesign = fc.constantFrom(...designs);
const anyBlock: fc.Arbitrary<Block> = fc
  .record({
    n1: fc.oneof(fc.nat(3), fc.nat(60)),
    n0: fc.oneof(fc.nat(4), fc.nat(60), fc.nat(1000)),
    f1: fc.double({ min: 0, max: 1, noNaN: true }),
    f0: fc.double({ min: 0, max: 1, noNaN: true }),
    flat: fc.boolean(),
  })
  .map(({ n1, n0, f1, f0, flat }) => {
    const power = flat ? 1 : 4;
    return { n1, n0, k1: Math.round(f1 ** power * n1), k0: Math.round(f0 ** power * n0) };
  });

function neverHelps(design: Design, before: Block, after: Block): void {
  const [a, b] = [increments(design, before), increments(design, after)];
  for (let j = 0; j < a.length; j++) {
    const wrong = design.direction === "harm" ? a[j]! - b[j]! : b[j]! - a[j]!;
    assert.ok(wrong <= 1e-9 * Math.max(1, Math.abs(a[j]!)), `alternative ${j}: ${a[j]} then ${b[j]}`);
  }
}

test("adding a bad candidate outcome never lowers harm and never raises safety", () => {
  fc.assert(
    fc.property(anyDesign, anyBlock, fc.constantFrom(1, 1, 5, 200), (design, block, more) => {
      neverHelps(design, block, { ...block, n1: block.n1 + more, k1: block.k1 + more });
    }),
    { seed: 1, numRuns: runs(2000) },
  );
});

test("turning a good candidate outcome bad never lowers harm and never raises safety", () => {
  fc.assert(
    fc.property(anyDesign, anyBlock, (design, block) => {
      if (block.k1 < block.n1) neverHelps(design, block, { ...block, k1: block.k1 + 1 });
    }),
    { seed: 2, numRuns: runs(1500) },
  );
});

test("a block without a candidate, or without a reference that the null needs, says nothing", () => {
  for (const design of designs) {
    assert.ok(increments(design, { n1: 0, k1: 0, n0: 20, k0: 0 }).every((log) => log === 0));
    const alone = increments(design, { n1: 4, k1: 4, n0: 0, k0: 0 });
    assert.equal(
      alone.every((log) => log === 0),
      design.null.ratio > 0,
    );
  }
});

test("counts that are not counts are refused", () => {
  const design = designs[0]!;
  for (const block of [
    { n1: 1, k1: 2, n0: 1, k0: 0 },
    { n1: 1, k1: 0, n0: 1, k0: -1 },
    { n1: 1.5, k1: 0, n0: 1, k0: 0 },
  ]) {
    assert.throws(() => increments(design, block), RangeError);
  }
});

test("the same counts and design, also after a journey through JSON, give the same bits", () => {
  fc.assert(
    fc.property(anyDesign, anyBlock, (design, block) => {
      const copy = JSON.parse(JSON.stringify(design)) as Design;
      assert.deepEqual(increments(copy, block), increments(design, block));
    }),
    { seed: 3, numRuns: 200 },
  );
});

test("the tilt serves rare outcomes and the projected form the others", () => {
  assert.equal(chooseForm(0.005, { ratio: 1.6, points: 0 }), "poisson-tilt");
  assert.equal(chooseForm(0.02, { ratio: 2, points: 0 }), "projected-bernoulli");
  assert.equal(chooseForm(0.4, { ratio: 0, points: 0.01 }), "projected-bernoulli");
});

test("designs are frozen, and requests that allow no test are refused", () => {
  for (const design of designs) assert.ok(Object.isFrozen(design) && Object.isFrozen(design.alternatives[0]));
  const request = { form: "poisson-tilt", null: { ratio: 1, points: 0 }, forecast: 0.01 } as const;
  for (const wrong of [
    { ...request, null: { ratio: 0, points: 0 } },
    { ...request, null: { ratio: -1, points: 0.1 } },
    { ...request, null: { ratio: 0, points: 1 } },
    { ...request, forecast: Number.NaN },
    { ...request, forecast: 0.5 },
  ]) {
    assert.throws(() => harmDesign(wrong), RangeError);
  }
});

test("harm does not fall with a bad outcome where the factor turns three times", () => {
  const design = harmDesign({ form: "poisson-tilt", null: { ratio: 1.5, points: 0.02 }, forecast: 0.0005 });
  const before = { n1: 3, k1: 1, n0: 20, k0: 2 };
  neverHelps(design, before, { ...before, n1: 4, k1: 2 });
});

test("safety does not rise with a bad outcome where the reference is far worse than forecast and the margin is wide", () => {
  for (const [ratio, points, forecast, before] of [
    [4, 0, 0.2, { n1: 5, k1: 2, n0: 20, k0: 13 }],
    [2, 0, 0.6, { n1: 5, k1: 3, n0: 95, k0: 62 }],
    [1.6, 0, 0.6, { n1: 13, k1: 7, n0: 95, k0: 86 }],
    [1.5, 0.02, 0.85, { n1: 130, k1: 85, n0: 950, k0: 855 }],
  ] as const) {
    const design = safetyDesign({ form: "projected-bernoulli", null: { ratio, points }, forecast });
    neverHelps(design, before, { ...before, n1: before.n1 + 1, k1: before.k1 + 1 });
    neverHelps(design, before, { ...before, k1: before.k1 + 1 });
  }
});
