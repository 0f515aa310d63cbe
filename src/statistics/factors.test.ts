import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Design, harmDesign, incrementsOf, safetyDesign } from "./index.ts";
import { projectedFactor } from "./projection.ts";
import { tiltFactor } from "./tilt.ts";

const nulls = fc.constantFrom(
  { ratio: 1, points: 0 },
  { ratio: 1.5, points: 0 },
  { ratio: 0.8, points: 0.2 },
  { ratio: 1, points: 0.001 },
  { ratio: 1, points: 0.05 },
  { ratio: 2, points: 0.1 },
  { ratio: 0, points: 0.02 },
);
const designs: fc.Arbitrary<Design | undefined> = fc
  .record({
    form: fc.constantFrom("poisson-tilt" as const, "projected-bernoulli" as const),
    null: nulls,
    forecast: fc.oneof(fc.double({ min: 0, max: 0.05, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
    harm: fc.boolean(),
  })
  .map(({ harm, ...request }) => {
    try {
      return harm ? harmDesign(request) : safetyDesign(request);
    } catch {
      return undefined; // No test exists for this null and forecast in this form.
    }
  });
/** Candidates from few to far more than the reference, which is calm: so no factor is held down. */
const sizes = fc.record({
  n1: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 100_000 })),
  n0: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 100_000 })),
  bad: fc.double({ min: 0, max: 1, noNaN: true }),
  calm: fc.double({ min: 0, max: 1, noNaN: true }),
});

test("all factors at once are the factors one by one", () => {
  let compared = 0;
  fc.assert(
    fc.property(designs, sizes, (design, { n1, n0, bad, calm }) => {
      if (!design) return;
      const { form, null: hypothesis, baseline, alternatives } = design;
      const least = Math.min(...alternatives.map((one) => one.calm));
      const block = { n1, k1: Math.round(bad * n1), n0, k0: Math.floor(calm * least * n0) };
      const out = new Float64Array(alternatives.length + 1).fill(7);
      incrementsOf(design).write(block, out);
      assert.equal(out.at(-1), 7, "no more is written than there are alternatives");
      const factorOf = form === "poisson-tilt" ? tiltFactor : projectedFactor;
      for (const [j, { rate }] of alternatives.entries()) {
        const plain = factorOf(hypothesis, baseline, rate, block);
        assert.ok(Math.abs(out[j]! - plain) <= 1e-9 * Math.max(1, Math.abs(plain)), `${j}: ${out[j]} and ${plain}`);
      }
      compared++;
    }),
    { seed: 4, numRuns: 3000 },
  );
  assert.ok(compared > 1500, `only ${compared} were compared`);
});
