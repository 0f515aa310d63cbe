import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import type { Sample } from "../core/sample.ts";
import { runs } from "../testing/runs.fixture.ts";
import { createEvaluator, type EvaluatorSetup } from "./evaluator.ts";
import { aLimit, aRule, aSample, aSetup, CANDIDATE, LOSSES, STABLE, START } from "./stream.fixture.ts";

const TICKS = 40;
const span = (options: readonly number[]) => fc.constantFrom(...options);

/** Everything that stands between a bad outcome and a rollback, in any combination. */
const guards = fc.record({
  labels: fc.option(span([2000, 8000]), { nil: undefined }),
  within: fc.option(span([5000, 20_000]), { nil: undefined }),
  holdback: span([0, 600_000]),
  warmUp: span([0, 3000]),
  hypothesis: fc.constantFrom(
    { ratio: 1, points: 0 },
    { ratio: 1.6, points: 0 },
    { ratio: 1, points: 0.05 },
    { ratio: 0, points: 0.1 },
  ),
  calibrated: fc.boolean(),
  limited: fc.boolean(),
  run: fc.boolean(),
  planned: fc.constantFrom(0.05, 0.3, 0.9),
  /** Each arm is counted in blocks of its own, at one node or at two, stable's first. */
  apart: fc.constantFrom("together", "blocks", "nodes"),
  /** Stable's reports are held up from the tenth tick to this one. */
  heldUp: fc.option(span([14, 20]), { nil: undefined }),
});
const counts = (most: number) => fc.tuple(fc.nat(most), fc.nat(most)).map(([n, k]) => ({ n, k: Math.min(n, k) }));
/** Outcomes of one second, known at this tick or later. */
const arrival = fc.record({
  second: fc.nat(TICKS / 2),
  delay: fc.nat(12),
  candidate: counts(8),
  reference: counts(30),
});
const worlds = fc.record({
  guards,
  arrivals: fc.array(arrival, { minLength: 5, maxLength: 40 }),
  place: fc.nat(),
  added: fc.boolean(),
});

type Guards = typeof guards extends fc.Arbitrary<infer T> ? T : never;
type Arrival = typeof arrival extends fc.Arbitrary<infer T> ? T : never;

function setupOf({ labels, within, holdback, warmUp, hypothesis, calibrated, limited, run }: Guards): EvaluatorSetup {
  const signal = { ...LOSSES, ...(labels === undefined ? {} : { labels }) };
  const first = aRule({
    signal,
    null: hypothesis,
    ...(within === undefined ? {} : { within }),
    ...(calibrated ? { calibrated: { share: 0.3 } } : {}),
  });
  const other = aRule({ name: "other", null: { ratio: 1.2, points: 0.01 } });
  const limits = [
    ...(limited ? [aLimit({ limit: 0.5, over: 5000, min: 6 })] : []),
    ...(run ? [aLimit({ name: "run", comparison: ">=", limit: 1, min: 9, inARow: 9 })] : []),
  ];
  return aSetup({
    rules: [first, other],
    hardLimits: limits.map((limit) => ({ limit, signal: LOSSES })),
    alpha: 0.05,
    holdback,
    warmUp,
    horizon: 20_000,
    blindMs: 1e9,
  });
}

/** The tick at which it goes back; none is infinitely late. */
function decidedAt(arrivals: readonly Arrival[], world: Guards): number {
  const evaluator = createEvaluator(setupOf(world));
  evaluator.exposed(START, world.planned);
  for (let tick = 0; tick < TICKS; tick++) {
    const known = START + 1000 * (tick + 1);
    const batch: Sample[] = [];
    const heldUp = (due: number) => (world.heldUp !== undefined && due >= 10 ? Math.max(due, world.heldUp) : due);
    arrivals.forEach(({ second, delay, candidate, reference }) => {
      for (const [release, { n, k }, due] of [
        [CANDIDATE, candidate, second + delay],
        [STABLE, reference, heldUp(second + delay)],
      ] as const) {
        if (due !== tick) continue;
        const twin = batch.findIndex((row) => row.bucket === START + 1000 * second && row.release === release);
        const own = release === CANDIDATE && world.apart !== "together";
        const row = aSample(second, n, k, {
          release,
          known: own ? known - 400 : known - 500,
          sequence: 2 * tick + (own ? 2 : 1),
          node: own && world.apart === "nodes" ? "node-2" : "node-1",
        });
        if (twin < 0) batch.push(row);
        else batch[twin] = { ...row, n: row.n + batch[twin]!.n, k: row.k + batch[twin]!.k };
      }
    });
    evaluator.observe(batch.filter(({ n }) => n > 0));
    if (evaluator.judge(known).kind === "harmful") return tick;
  }
  return Number.POSITIVE_INFINITY;
}

it("law 2: through all guards, one more bad outcome of the candidate never delays or removes a rollback", () => {
  let decided = 0;
  fc.assert(
    fc.property(worlds, ({ guards: world, arrivals, place, added }) => {
      const at = place % arrivals.length;
      const { n, k } = arrivals[at]!.candidate;
      const candidate = added || k === n ? { n: n + 1, k: k + 1 } : { n, k: k + 1 };
      const before = decidedAt(arrivals, world);
      const after = decidedAt(arrivals.with(at, { ...arrivals[at]!, candidate }), world);
      assert.ok(after <= before, `decided at ${after}, and without it at ${before}`);
      if (before < TICKS) decided += 1;
    }),
    { numRuns: runs(100) },
  );
  assert.ok(decided >= runs(10), `only ${decided} were decided`);
});
