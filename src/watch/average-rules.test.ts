import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { meanPlaceOf } from "../core/cells.ts";
import type { Signal } from "../core/playbook.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Cells, Sample } from "../core/sample.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { createEvaluator, type EvaluatorSetup } from "./evaluator.ts";
import { againstFrozen } from "./frozen-reference.ts";
import type { AverageRule } from "./rule.ts";
import { aSample, aSetup, CANDIDATE, LOSSES, STABLE, START } from "./stream.fixture.ts";

const { name: _, ...head } = LOSSES;
const REVENUE: Signal = {
  ...head,
  name: "revenue",
  kind: "mean",
  part: "order-value",
  of: "orders",
  better: "up",
  min: 1000,
};
const falling: AverageRule = {
  test: "average",
  name: "earning-less",
  signal: REVENUE,
  claim: "revenue falls by more than 5 %",
  by: { kind: "relative", value: 0.05 },
};
const random = createSeededRandom("orders");
/** Heavy: the standard deviation is 1.3 times the mean. */
const order = (mean: number) => {
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return mean * Math.exp(normal - 0.5);
};

function cellsOf(values: readonly number[]): Cells {
  const cells = new Map<number, number>();
  const add = (cell: number, count: number) => count > 0 && cells.set(cell, (cells.get(cell) ?? 0) + count);
  for (const value of values) {
    const { below, upper } = meanPlaceOf(value, undefined);
    add(below, 1 - upper);
    add(below + 1, upper);
  }
  return [...cells].sort(([a], [b]) => a - b);
}

const orders = (n: number, mean: number) => Array.from({ length: n }, () => order(mean));
const row = (second: number, values: readonly number[], fields: Partial<Sample> = {}) =>
  aSample(second, values.length, 0, { signal: "revenue", cells: cellsOf(values), ...fields });
const windowOf = (n: number): FrozenWindow => ({ signal: "revenue", n, k: 0, cells: cellsOf(orders(n, 50)) });
const frozen = [windowOf(4000)];

function stream(seconds: number, mean: number): Sample[] {
  return Array.from({ length: seconds }, (_, second) => [
    row(second, orders(40, mean)),
    row(second, orders(160, 50), { release: STABLE }),
  ]).flat();
}

function judged(samples: readonly Sample[], setup: Partial<EvaluatorSetup> = {}) {
  const evaluator = createEvaluator(aSetup({ rules: [falling], frozen, horizon: 600_000, blindMs: 1e9, ...setup }));
  evaluator.observe(samples);
  return evaluator.judge(Math.max(...samples.map(({ bucket }) => bucket)) + 1000);
}

describe("a rule about a mean without ends", () => {
  it("goes back on a fall, says the means, and that it is approximate and from how many on", () => {
    const verdict = judged(stream(120, 35));
    assert.equal(verdict.kind, "harmful");
    const [finding] = verdict.findings;
    assert.equal(finding?.method, "asymptotic-mean");
    assert.ok(Math.abs(finding!.candidate.mean! - 35) < 3 && Math.abs(finding!.reference.mean! - 50) < 3);
    assert.match(
      finding!.assumes!,
      /^approximate \(asymptotic\): assumes values spread as those of stable's 4,000 orders/,
    );
    assert.match(finding!.assumes!, /decides from 1,000 of each side on$/);
  });

  it("proves a release safe that earns as much, and decides nothing before its least number", () => {
    assert.equal(
      judged(stream(600, 50), { rules: [{ ...falling, by: { kind: "relative", value: 0.2 } }] }).kind,
      "healthy",
    );
    const early = judged(stream(24, 5));
    assert.deepEqual([early.kind, early.findings[0]?.logHarm, early.findings[0]?.logSafe], ["inconclusive", 0, 0]);
    assert.equal(judged(stream(25, 5)).kind, "harmful");
  });

  it("goes back in at most alpha of the releases that do no harm, heavy as the values are", () => {
    let alarms = 0;
    const rising = {
      ...falling,
      signal: { ...REVENUE, better: "down" as const },
      by: { kind: "points" as const, value: 1e-6 },
    };
    for (let run = 0; run < 30; run++) {
      const setup = { rules: [rising], alpha: 0.05, frozen: [windowOf(2000)] };
      if (judged(stream(60, 50), setup).kind === "harmful") alarms += 1;
    }
    // Binomial(30, 0.05) is above 6 in 1 of 1000 cases.
    assert.ok(alarms <= 6, `${alarms} of 30`);
  });

  it("says nothing where too little of stable was seen before, or nothing that differs", () => {
    for (const known of [
      [],
      [windowOf(999)],
      [{ signal: "revenue", n: 2000, k: 0, cells: cellsOf([0]).map(([cell]) => [cell, 2000] as const) }],
    ]) {
      const { kind, findings } = judged(stream(30, 5), { frozen: known });
      assert.equal(kind, "no-data");
      assert.match(findings[0]!.doubts![0]!, /fewer than 1,000 different values of revenue were measured/);
    }
  });

  it("is judged against the window alone where no stable serves beside it, and in any segment", () => {
    const own = stream(120, 35).filter(({ release }) => release === CANDIDATE);
    const rules = [againstFrozen(falling, frozen, 0.0005)];
    assert.equal(judged(own, { rules }).kind, "harmful");
    const samples = stream(120, 50);
    const group = "tier=gold";
    const gold = samples.map((sample) => {
      const mean = sample.release === CANDIDATE ? 25 : 50;
      return row((sample.bucket - START) / 1000, orders(sample.n / 2, mean), { release: sample.release, group });
    });
    const { findings, kind } = judged([...samples, ...gold], { rules: [{ ...falling, inAny: "tier" }] });
    assert.equal(kind, "harmful");
    assert.deepEqual(
      findings[0]?.segments?.map((one) => one.group),
      [group],
    );
    assert.match(findings[0]!.assumes!, /approximate/);
  });

  it("calls cells that are none a fault of the instrument", () => {
    const broken = row(0, [1, 2, 3]);
    for (const wrong of [
      { ...broken, n: 4 },
      { ...broken, cells: [[-1, 3]] as const },
      { ...broken, n: 1.5 },
    ])
      assert.equal(judged([...stream(1, 50), { ...wrong, sequence: 77 }]).kind, "instrument-error");
  });

  it("a worse outcome, or one more that is worse than any of stable's, never delays or removes a rollback", () => {
    const most = 5000;
    const arrival = fc.record({
      second: fc.nat(10),
      delay: fc.nat(4),
      candidate: fc.array(fc.integer({ min: -200, max: 60 }), { minLength: 1, maxLength: 6 }),
      stable: fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 12 }),
    });
    const few = { ...falling, signal: { ...REVENUE, min: 5 } };
    let decided = 0;
    fc.assert(
      fc.property(
        fc.array(arrival, { minLength: 4, maxLength: 20 }),
        fc.nat(),
        fc.nat(most),
        fc.boolean(),
        (all, place, worse, added) => {
          const decide = (arrivals: typeof all) => {
            const evaluator = createEvaluator(
              aSetup({ rules: [few], frozen, alpha: 0.3, horizon: 15_000, blindMs: 1e9 }),
            );
            for (let tick = 0; tick < 15; tick++) {
              arrivals.forEach(({ second, delay, candidate, stable }, index) => {
                const sequence = 100 * tick + index + 1;
                if (second + delay === tick)
                  evaluator.observe([
                    row(second, candidate, { sequence }),
                    row(second, stable, { sequence, release: STABLE }),
                  ]);
              });
              if (evaluator.judge(START + 1000 * (tick + 1)).kind === "harmful") return tick;
            }
            return Number.POSITIVE_INFINITY;
          };
          const at = place % all.length;
          const { candidate } = all[at]!;
          const changed = added ? [...candidate, -most] : candidate.with(0, candidate[0]! - worse);
          const before = decide(all);
          if (before < 15) decided += 1;
          assert.ok(decide(all.with(at, { ...all[at]!, candidate: changed })) <= before);
        },
      ),
      { numRuns: 100 },
    );
    assert.ok(decided > 10, `${decided} decided`);
  });
});
