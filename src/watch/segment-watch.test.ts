import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import { drawBinomial } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { createEvaluator, type EvaluatorSetup } from "./evaluator.ts";
import { againstFrozen } from "./frozen-reference.ts";
import type { Rule } from "./rule.ts";
import { aRule, aSample, aSetup, CANDIDATE, STABLE, START } from "./stream.fixture.ts";

const inAny = "language";
const anywhere: Rule = aRule({
  inAny,
  claim: "losses rise in the whole or in any language",
  null: { ratio: 2, points: 0 },
});
const LANGUAGES = ["de", "en", "fr", "it"].map((value) => `language=${value}`);
const frozen: FrozenWindow[] = [
  {
    signal: "losses",
    n: 40_000,
    k: 2000,
    groups: Object.fromEntries(LANGUAGES.map((group) => [group, { n: 10_000, k: 500 }])),
  },
];

type Rate = (group: string, release: typeof CANDIDATE) => number;

/** Seconds of both arms, each row once for its language and once for the whole. */
function stream(seed: string, seconds: number, rate: Rate, groups: readonly string[] = LANGUAGES): Sample[] {
  const random = createSeededRandom(seed);
  return Array.from({ length: seconds }, (_, second) =>
    [CANDIDATE, STABLE].flatMap((release) => {
      const n = release === CANDIDATE ? 4 : 16;
      const rows = groups.map((group) => {
        return aSample(second, n, drawBinomial(random, n, rate(group, release)), { release, group });
      });
      const k = rows.reduce((sum, row) => sum + row.k, 0);
      return [aSample(second, n * groups.length, k, { release }), ...rows];
    }),
  ).flat();
}

function judged(samples: readonly Sample[], setup: Partial<EvaluatorSetup> = {}) {
  const evaluator = createEvaluator(aSetup({ rules: [anywhere], frozen, ...setup }));
  evaluator.observe(samples);
  return evaluator.judge(Math.max(...samples.map(({ bucket }) => bucket)) + 1000);
}

const healthy: Rate = () => 0.05;
const only =
  (bad: string, rate: number): Rate =>
  (group, release) =>
    group === bad && release === CANDIDATE ? rate : 0.05;

describe("a claim about the whole and each segment", () => {
  it("finds harm to one segment while the whole looks healthy, and names it", () => {
    const samples = stream("one language", 60, (group, release) => {
      if (release === STABLE) return 0.05;
      return group === "language=fr" ? 0.25 : 0.02;
    });
    const verdict = judged(samples);
    assert.deepEqual(verdict.because, ["rising-losses"]);
    const [finding] = verdict.findings;
    const named = finding?.segments?.map(({ group, failed }) => [group, failed]);
    assert.deepEqual(named, [["language=fr", true]]);
    assert.deepEqual([finding?.candidate.n, finding?.candidate.group], [960, undefined]);
    assert.equal(finding?.segments?.[0]?.candidate.n, 240);
    assert.equal(finding?.segments?.[0]?.reference.release, STABLE);
    const without = judged(samples, { rules: [aRule({ null: { ratio: 2, points: 0 } })] });
    assert.notEqual(without.kind, "harmful");
  });

  it("finds harm to all about as soon as without segments: the whole has half of the budget", () => {
    const samples = stream("all", 40, (_, release) => (release === CANDIDATE ? 0.3 : 0.05));
    const [finding] = judged(samples).findings;
    const [plain] = judged(samples, { rules: [aRule({ null: { ratio: 2, points: 0 } })] }).findings;
    assert.ok(finding!.logHarm > plain!.logHarm - Math.LN2 - 1e-9, `${finding!.logHarm} and ${plain!.logHarm}`);
  });

  it("proves safety of the whole and of every great segment, and asks none of a small one", () => {
    const samples = stream("safe", 600, healthy);
    assert.equal(judged(samples).kind, "healthy");
    const silent = samples.filter(({ group }) => group !== "language=it");
    assert.equal(judged(silent).kind, "inconclusive");
    const { groups, ...whole } = frozen[0]!;
    const small = [{ ...whole, groups: { ...groups, "language=it": { n: 1900, k: 95 } } }];
    assert.equal(judged(silent, { frozen: small }).kind, "healthy");
  });

  it("finds harm to a segment that nobody saw before the release, and folds what is beyond the budget into one", () => {
    const late = stream("late", 80, only("language=xx", 0.5), [...LANGUAGES, "language=xx"]);
    assert.deepEqual(judged(late).findings[0]?.segments?.[0]?.group, "language=xx");
    const many = Array.from({ length: 40 }, (_, index) => `language=v${index}`);
    const bad: Rate = (_, release) => (release === CANDIDATE ? 0.4 : 0.05);
    const { findings } = judged(stream("many", 20, bad, many), { frozen: [] });
    const other = findings[0]?.segments?.find(({ group }) => group === "language=other");
    assert.equal(other?.candidate.n, (40 - 16) * 20 * 4);
  });

  it("goes back in at most alpha of the releases that do no harm", () => {
    let alarms = 0;
    for (let run = 0; run < 80; run++) {
      const atMargin: Rate = (_, release) => (release === CANDIDATE ? 0.1 : 0.05);
      if (judged(stream(`run ${run}`, 30, atMargin), { alpha: 0.05 }).kind === "harmful") alarms++;
    }
    // Binomial(80, 0.05) is above 10 in 2 of 1000 cases.
    assert.ok(alarms <= 10, `${alarms} of 80`);
  });

  it("of times and scores, too: each segment with its own window, and none without cells", () => {
    const signal = { ...anywhere.signal, name: "latency", kind: "time", part: "latency", unit: "seconds" } as const;
    const rule: Rule = { test: "time", name: "slow", signal, claim: "p95 grows", quantile: 0.95, by: 0.2, inAny };
    const cells = (slow: number, n: number) =>
      [
        [600, n - slow],
        [800, slow],
      ] as const;
    const group = "language=de";
    const windows = [
      {
        signal: "latency",
        n: 2000,
        k: 0,
        cells: cells(80, 2000),
        groups: { [group]: { n: 1000, k: 0, cells: cells(40, 1000) } },
      },
    ];
    const rows = Array.from({ length: 60 }, (_, second) =>
      [CANDIDATE, STABLE].flatMap((release) => {
        const n = release === CANDIDATE ? 10 : 40;
        const slow = release === CANDIDATE ? 4 : 2;
        const row = aSample(second, n, 0, { signal: "latency", release, cells: cells(slow, n) });
        return [row, { ...row, group }];
      }),
    ).flat();
    const verdict = judged(rows, { rules: [rule], frozen: windows });
    assert.equal(verdict.kind, "harmful");
    assert.ok(verdict.findings[0]?.segments?.some((one) => one.group === group));
    assert.equal(judged(rows, { rules: [rule], frozen: [] }).kind, "no-data");
  });

  it("without a stable beside it is judged against each segment's own window", () => {
    const samples = stream("alone", 60, only("language=de", 0.4)).filter(({ release }) => release === CANDIDATE);
    const rules = [againstFrozen(anywhere, frozen, 0.0005)];
    const verdict = judged(samples, { rules, reference: START as never });
    assert.deepEqual(
      verdict.findings[0]?.segments?.map(({ group }) => group),
      ["language=de"],
    );
    const unseen = samples.map((one) => (one.group === "language=de" ? { ...one, group: "language=zz" } : one));
    const { segments = [] } = judged(unseen, { rules, reference: START as never }).findings[0]!;
    assert.ok(!segments.some(({ group }) => group === "language=zz"));
  });

  it("says that counts which cannot be are a fault of the instrument", () => {
    const broken = aSample(0, 4, 5, { group: "language=de" });
    assert.equal(judged([aSample(0, 10, 1), broken]).kind, "instrument-error");
  });

  it("one more bad outcome of a segment never delays or removes a rollback", () => {
    const outcomes = fc.record({
      group: fc.constantFrom(...LANGUAGES.slice(0, 2)),
      second: fc.nat(12),
      delay: fc.nat(3),
      candidate: fc.tuple(fc.nat(9), fc.nat(9)),
      stable: fc.tuple(fc.nat(40), fc.nat(4)),
    });
    let decided = 0;
    fc.assert(
      fc.property(fc.array(outcomes, { minLength: 4, maxLength: 24 }), fc.nat(), (all, place) => {
        const at = place % all.length;
        const decide = (more: number) => {
          const evaluator = createEvaluator(aSetup({ rules: [anywhere], frozen, alpha: 0.3, horizon: 20_000 }));
          for (let tick = 0; tick < 16; tick++) {
            const rows = all.flatMap(({ group, second, delay, candidate, stable }, index) => {
              if (second + delay !== tick) return [];
              const extra = index === at ? more : 0;
              const sides = [
                [CANDIDATE, Math.max(...candidate) + extra, Math.min(...candidate) + extra],
                [STABLE, Math.max(...stable), Math.min(...stable)],
              ] as const;
              return sides.flatMap(([release, n, k]) => {
                const row = aSample(second, n, k, { release, sequence: 100 * tick + index + 1 });
                return [row, { ...row, group }];
              });
            });
            evaluator.observe(rows.filter(({ n }) => n > 0));
            if (evaluator.judge(START + 1000 * (tick + 1)).kind === "harmful") return tick;
          }
          return Number.POSITIVE_INFINITY;
        };
        const before = decide(0);
        if (before < 16) decided++;
        assert.ok(decide(1) <= before);
      }),
      { numRuns: 150 },
    );
    assert.ok(decided > 5, `${decided} decided`);
  });
});
