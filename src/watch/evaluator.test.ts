import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { AS_IT_COMES } from "../core/error-budget.ts";
import type { Sample } from "../core/sample.ts";
import { drawOrder } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { runs } from "../testing/runs.fixture.ts";
import { createEvaluator, type EvaluatorSetup } from "./evaluator.ts";
import {
  APPROVALS,
  aLimit,
  aRule,
  aSample,
  aSetup,
  CANDIDATE,
  LOSSES,
  STABLE,
  START,
  streamOf,
} from "./stream.fixture.ts";

const LATER = START + 60_000;

/** What the evaluator says after all of this. */
function judged(samples: readonly Sample[], setup: Partial<EvaluatorSetup> = {}, now?: number) {
  const evaluator = createEvaluator(aSetup(setup));
  evaluator.observe(samples);
  const last = Math.max(START, ...samples.map(({ bucket }) => bucket));
  return evaluator.judge(now ?? last + 1000);
}

/** Both arms for so many seconds: k1 of n1 against k0 of n0 in each. */
function seconds(count: number, [k1, n1]: readonly [number, number], [k0, n0]: readonly [number, number]): Sample[] {
  return Array.from({ length: count }, (_, second) => [
    aSample(second, n1, k1),
    aSample(second, n0, k0, { release: STABLE }),
  ]).flat();
}

describe("the five verdicts", () => {
  it("is no data before any outcome of the candidate, however much stable has", () => {
    assert.equal(judged([]).kind, "no-data");
    assert.equal(judged([aSample(0, 500, 40, { release: STABLE })]).kind, "no-data");
    assert.equal(judged([]).logEvidence, Math.log(AS_IT_COMES), "what is kept for late looks is no evidence");
  });

  it("is no data when outcomes stop for longer than blindness is allowed", () => {
    const samples = seconds(20, [1, 20], [8, 100]);
    const last = START + 19_000;
    assert.notEqual(judged(samples, {}, last + 10_000).kind, "no-data");
    assert.equal(judged(samples, {}, last + 10_001).kind, "no-data");
  });

  it("is no data when the candidate answers, but a rule's own outcomes never come", () => {
    const other = Array.from({ length: 20 }, (_, second) => aSample(second, 20, 1, { signal: "errors" }));
    assert.equal(judged(other).kind, "no-data");
  });

  it("is an instrument error when counts are impossible, in either arm, whatever else is known", () => {
    const sound = seconds(40, [2, 50], [16, 200]);
    assert.equal(judged(sound).kind, "healthy");
    for (const [n, k] of [
      [10, 11],
      [10, -1],
      [-1, -1],
      [10, 0.5],
      [Number.NaN, 0],
    ] as const)
      for (const release of [CANDIDATE, STABLE])
        assert.equal(judged([...sound, aSample(40, n, k, { release })]).kind, "instrument-error", `${k} of ${n}`);
  });

  it("is harmful in spite of a doubtful instrument: doubt blocks forward, never back", () => {
    const bad = seconds(40, [20, 50], [16, 200]);
    assert.equal(judged([...bad, aSample(40, 10, 11)]).kind, "harmful");
  });

  it("is inconclusive while nothing is proved", () => {
    assert.equal(judged(seconds(3, [2, 20], [8, 100])).kind, "inconclusive");
  });

  it("is healthy when safety is proved", () => {
    const verdict = judged(seconds(40, [4, 50], [16, 200]));
    assert.equal(verdict.kind, "healthy");
    assert.ok(verdict.findings[0]!.logSafe >= -Math.log(0.05));
    assert.deepEqual(verdict.because, []);
  });

  it("is harmful when harm is proved, with the rule to blame and the counts that it rests on", () => {
    const verdict = judged(seconds(10, [15, 50], [16, 200]));
    assert.equal(verdict.kind, "harmful");
    assert.deepEqual(verdict.because, ["rising-losses"]);
    assert.ok(verdict.logEvidence >= verdict.logThreshold);
    assert.equal(verdict.logThreshold, -Math.log(0.001));
    assert.deepEqual(verdict.findings[0]?.candidate, { release: CANDIDATE, n: 500, k: 150 });
    assert.deepEqual(verdict.findings[0]?.reference, { release: STABLE, n: 2000, k: 160 });
  });

  it("stays harmful, whatever good news comes later", () => {
    const evaluator = createEvaluator(aSetup());
    evaluator.observe(seconds(10, [15, 50], [16, 200]));
    const first = evaluator.judge(START + 10_000);
    evaluator.observe(seconds(60, [0, 500], [100, 500]).map((one) => ({ ...one, sequence: one.sequence + 100 })));
    assert.deepEqual(evaluator.judge(LATER), { ...first, at: LATER });
  });

  it("is never healthy without a rule: no data proves nothing", () => {
    const limit = { limit: aLimit(), signal: LOSSES };
    const verdict = judged(seconds(40, [0, 50], [16, 200]), { rules: [], hardLimits: [limit] });
    assert.equal(verdict.kind, "inconclusive");
    assert.equal(verdict.logEvidence, 0);
  });
});

describe("several rules", () => {
  const approvals = aRule({
    name: "lost-approvals",
    signal: APPROVALS,
    null: { ratio: 0.85, points: 0.15 },
    badIs: "rest",
  });
  const frozen = [
    { signal: "losses", n: 1000, k: 80 },
    { signal: "approvals", n: 1000, k: 600 },
  ];
  const both = (losses: readonly [number, number], approved: readonly [number, number]) => [
    ...seconds(40, losses, [16, 200]),
    ...seconds(40, approved, [120, 200]).map((one) => ({ ...one, signal: "approvals" })),
  ];
  const setup = { rules: [aRule(), approvals], frozen };

  it("are healthy only together", () => {
    assert.equal(judged(both([4, 50], [30, 50]), setup).kind, "healthy");
    const verdict = judged([...seconds(40, [4, 50], [16, 200])], setup);
    assert.equal(verdict.kind, "no-data");
    assert.deepEqual(
      verdict.findings.map(({ kind }) => kind),
      ["healthy", "no-data"],
    );
  });

  it("blame the one that carries the evidence, and report its counts as the signal names them", () => {
    const verdict = judged(both([4, 50], [10, 50]), setup);
    assert.deepEqual(verdict.because, ["lost-approvals"]);
    assert.deepEqual(
      verdict.findings.map(({ kind }) => kind),
      ["healthy", "harmful"],
    );
    assert.deepEqual(verdict.findings[1]?.candidate, { release: CANDIDATE, n: 2000, k: 400 });
  });

  it("blame the strongest when none carries the evidence alone", () => {
    const growing = createEvaluator(aSetup({ ...setup, alpha: 0.2 }));
    const rows = both([8, 50], [23, 50]);
    for (let second = 0; second < 40; second++) {
      growing.observe(rows.filter(({ sequence }) => sequence === second + 1));
      const verdict = growing.judge(LATER);
      if (verdict.kind !== "harmful") continue;
      const logs = verdict.findings.map(({ logHarm }) => logHarm);
      assert.ok(Math.max(...logs) < verdict.logThreshold + Math.log(2), "one carries it alone");
      assert.deepEqual(verdict.because, [logs[0]! > logs[1]! ? "rising-losses" : "lost-approvals"]);
      return;
    }
    assert.fail("nothing was decided");
  });
});

describe("hard limits beside the rules", () => {
  it("decide at once and come first in the blame", () => {
    const hardLimits = [{ limit: aLimit(), signal: LOSSES }];
    const verdict = judged(seconds(1, [20, 20], [0, 20]), { hardLimits }, START + 500);
    assert.equal(verdict.kind, "harmful");
    assert.equal(verdict.because[0], "meltdown");
    assert.equal(verdict.findings.at(-1)?.method, "hard-limit");
  });
});

describe("evidence", () => {
  it("ignores samples of requests from before the exposure", () => {
    const early = seconds(10, [50, 50], [0, 200]).map((one) => ({ ...one, bucket: one.bucket - 60_000 }));
    const hardLimits = [{ limit: aLimit({ min: 1 }), signal: LOSSES }];
    const verdict = judged(early, { hardLimits }, START);
    assert.equal(verdict.kind, "no-data");
    assert.equal(verdict.findings[0]?.candidate.n, 0);
    assert.equal(judged([aSample(0, 10, 5)], { from: START + 999 }).findings[0]?.candidate.n, 10);
  });

  it("is taken from other signals and other releases never", () => {
    const others = [aSample(0, 10, 10, { signal: "errors" }), aSample(0, 10, 10, { release: LOSSES.name as never })];
    assert.equal(judged(others).findings[0]?.candidate.n, 0);
  });

  it("is counted once, however often a batch is handed over", () => {
    const samples = seconds(8, [8, 20], [8, 100]);
    const once = judged(samples);
    assert.deepEqual(judged([...samples, ...samples]), once);
    const again = createEvaluator(aSetup());
    for (const from of [5, 0, 3, 0]) again.observe(samples.slice(2 * from));
    assert.deepEqual(again.judge(START + 8000), once);
    assert.notEqual(judged(samples.slice(2)).logEvidence, once.logEvidence);
  });

  it("of a late outcome is compared with its own second, whatever the others were like", () => {
    const base = seconds(5, [1, 20], [8, 100]);
    const late = (k0: number) => {
      const arrival = { sequence: 99 };
      const rows = [aSample(4, 20, 15, arrival), aSample(4, 100, k0, { ...arrival, release: STABLE })];
      return judged([...base, ...rows], {}, START + 10_000).logEvidence;
    };
    assert.ok(late(8) > judged(base).logEvidence + 1);
    assert.ok(late(75) < late(8));
    const known = (second: number) => {
      const row = aSample(second, 20, 15, { sequence: 99 });
      return judged([...base, row], {}, START + 10_000).logEvidence;
    };
    assert.equal(known(9), judged(base).logEvidence, "nothing of stable is known of that second");
  });

  it("of a candidate waits for stable's part of its second, and is never lost", () => {
    const evaluator = createEvaluator(aSetup());
    evaluator.observe([aSample(0, 30, 28)]);
    assert.equal(evaluator.judge(START + 1000).logEvidence, judged([]).logEvidence);
    assert.equal(evaluator.judge(START + 1000).findings[0]?.candidate.n, 30);
    evaluator.observe([aSample(0, 70, 3, { sequence: 2, release: STABLE })]);
    const apart = evaluator.judge(START + 1000).logEvidence;
    assert.ok(apart > 0);
    assert.equal(judged([aSample(0, 30, 28), aSample(0, 70, 3, { release: STABLE })]).logEvidence, apart);
  });

  it("of a second with little reference counts as soon as that second has settled", () => {
    const evaluator = createEvaluator(aSetup());
    const stable = (second: number, sequence: number) => aSample(second, 2, 0, { sequence, release: STABLE });
    evaluator.observe([aSample(0, 5, 5), stable(0, 1)]);
    evaluator.observe([stable(1, 2)]);
    assert.equal(evaluator.judge(START + 2000).logEvidence, judged([]).logEvidence);
    evaluator.observe([stable(2, 3)]);
    assert.ok(evaluator.judge(START + 2300).logEvidence > 0);
  });

  for (const [name, perTick, share] of [
    ["quiet", 2, 0.1],
    ["busy", 60, 0.1],
    ["half and half", 4, 0.5],
  ] as const)
    it(`in ${name} traffic is the same bit for bit, tick by tick or at once, shuffled or not, with one node or two`, () => {
      const random = createSeededRandom(`replay ${name}`);
      const traffic = { ticks: 150, perTick, share, p1: 0.12, p0: 0.08 };
      const nodes = ["a", "b"].map((node) => streamOf(random, { ...traffic, node }));
      const live = createEvaluator(aSetup());
      for (let tick = 0; tick < 160; tick++) {
        for (const node of nodes) live.observe(drawOrder(random, node[tick] ?? []));
        live.judge(START + 100 * tick);
      }
      const expected = live.judge(LATER);
      const all = nodes.flat(2);
      const whole = createEvaluator(aSetup());
      whole.observe(drawOrder(random, all));
      assert.deepEqual(whole.judge(LATER), expected);
      const nodeByNode = createEvaluator(aSetup());
      for (const node of nodes.toReversed()) for (const batch of node) nodeByNode.observe(batch);
      assert.deepEqual(nodeByNode.judge(LATER), expected);
    });
});

describe("quiet traffic", () => {
  const quiet = { perTick: 2, share: 0.1, p0: 0.08 };
  const decides = (
    name: string,
    traffic: { readonly p1: number; readonly ticks: number },
    setup: Partial<EvaluatorSetup>,
  ) => {
    const stream = streamOf(createSeededRandom(name), { ...quiet, ...traffic });
    return judged(stream.flat(), setup).kind === "harmful";
  };

  it("decides great harm on a handful of bad answers, with a canary of two requests a second", () => {
    for (let run = 0; run < runs(20); run++)
      assert.ok(decides(`quiet ${run}`, { p1: 0.6, ticks: 400 }, {}), `run ${run}`);
  });

  it("raises no more false alarms than were allowed, though blocks close by their counts", () => {
    const setup = { rules: [aRule({ null: { ratio: 1, points: 0 } })], alpha: 0.05 };
    const calm = runs(200);
    let alarms = 0;
    for (let run = 0; run < calm; run++) if (decides(`calm ${run}`, { p1: 0.08, ticks: 300 }, setup)) alarms += 1;
    assert.ok(alarms <= calm * 0.05, `${alarms} of ${calm}`);
  });
});

describe("law 2: one more bad outcome of the candidate", () => {
  const nulls = [
    { ratio: 1, points: 0 },
    { ratio: 1.6, points: 0 },
    { ratio: 1, points: 0.02 },
    { ratio: 0.85, points: 0.15 },
    { ratio: 0, points: 0.02 },
  ];
  const count = (max: number, worst: number) =>
    fc.tuple(fc.integer({ min: 0, max }), fc.double({ min: 0, max: worst, noNaN: true })).map(([n, share]) => ({
      n,
      k: Math.round(n * share),
    }));
  const allBad = fc.nat(12).map((n) => ({ n, k: n }));
  const batch = fc.array(
    fc.record({
      second: fc.oneof({ weight: 3, arbitrary: fc.nat(1) }, { weight: 1, arbitrary: fc.nat(70) }),
      candidate: fc.oneof({ weight: 4, arbitrary: count(12, 1) }, { weight: 1, arbitrary: allBad }),
      reference: fc.oneof(count(40, 1), count(40, 0.2)),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const worlds = fc.record({
    hypothesis: fc.constantFrom(...nulls),
    forecast: fc.constantFrom(2, 10, 200, 600),
    batches: fc.array(batch, { minLength: 1, maxLength: 20, size: "max" }),
    place: fc.nat(),
    row: fc.nat(),
    turn: fc.boolean(),
    elsewhere: fc.option(fc.oneof(fc.nat(1), fc.nat(200)), { nil: undefined }),
  });
  type Batches = readonly (readonly { second: number; candidate: Counts; reference: Counts }[])[];
  interface Counts {
    readonly n: number;
    readonly k: number;
  }

  /** The evidence and the kind after each batch. */
  function course(setup: EvaluatorSetup, batches: Batches) {
    const evaluator = createEvaluator(setup);
    return batches.map((rows, index) => {
      const merged = new Map<string, Sample>();
      for (const { second, candidate, reference } of rows)
        for (const [release, { n, k }] of [
          [CANDIDATE, candidate],
          [STABLE, reference],
        ] as const) {
          const known = merged.get(`${second} ${release}`);
          const counts = { n: n + (known?.n ?? 0), k: k + (known?.k ?? 0) };
          merged.set(`${second} ${release}`, aSample(second, counts.n, counts.k, { sequence: index + 1, release }));
        }
      evaluator.observe([...merged.values()].filter(({ n }) => n > 0));
      const verdict = evaluator.judge(START + 71_000);
      return { log: verdict.logEvidence, harmful: verdict.kind === "harmful" };
    });
  }

  it("never lowers the evidence and never delays or removes harm, turned from good or added, in both forms", () => {
    let decided = 0;
    fc.assert(
      fc.property(worlds, ({ hypothesis, forecast, batches, place, row, turn, elsewhere }) => {
        const setup = aSetup({
          rules: [aRule({ null: hypothesis })],
          frozen: [{ signal: "losses", n: 1000, k: forecast }],
          alpha: 0.05,
          blindMs: 1e9,
        });
        const at = place % batches.length;
        const changed = batches.map((rows, index) => {
          if (index !== at) return rows;
          const which = row % rows.length;
          const { n, k } = rows[which]!.candidate;
          if (turn && k < n) return rows.with(which, { ...rows[which]!, candidate: { n, k: k + 1 } });
          if (elsewhere === undefined) return rows.with(which, { ...rows[which]!, candidate: { n: n + 1, k: k + 1 } });
          return [...rows, { second: elsewhere, candidate: { n: 1, k: 1 }, reference: { n: 0, k: 0 } }];
        });
        const before = course(setup, batches);
        const after = course(setup, changed);
        for (const [index, { log, harmful }] of before.entries()) {
          if (harmful) assert.ok(after[index]!.harmful, `harm is gone after batch ${index}`);
          else assert.ok(after[index]!.harmful || after[index]!.log >= log - 1e-6, `${after[index]!.log} < ${log}`);
        }
        if (before.at(-1)?.harmful) decided += 1;
      }),
      { numRuns: runs(400) },
    );
    assert.ok(decided >= runs(40), `only ${decided} streams reached a decision`);
  });

  it("moves no border between blocks: stable's part of a second is divided without looking at the candidate", () => {
    const stable = (n: number, k: number) => ({ second: 0, candidate: { n: 0, k: 0 }, reference: { n, k } });
    const good = { second: 0, candidate: { n: 2, k: 0 }, reference: { n: 12, k: 12 } };
    const setup = aSetup({ rules: [aRule({ null: { ratio: 1, points: 0 } })], alpha: 1e-9, blindMs: 1e9 });
    const before = course(setup, [[stable(900, 0)], [good]]);
    const after = course(setup, [[{ ...stable(900, 0), candidate: { n: 1, k: 1 } }], [good]]);
    assert.ok(after[1]!.log >= before[1]!.log, `${after[1]!.log} < ${before[1]!.log}`);
  });

  it("never raises the evidence of safety", () => {
    const random = createSeededRandom("safety");
    const stream = streamOf(random, { ticks: 60, perTick: 8, share: 0.3, p1: 0.08, p0: 0.08 });
    const logSafe = (batches: readonly (readonly Sample[])[]) => judged(batches.flat(), {}, LATER).findings[0]!.logSafe;
    const before = logSafe(stream);
    for (let place = 0; place < stream.length; place++) {
      const rows = stream[place]!;
      const which = rows.findIndex(({ release, n, k }) => release === CANDIDATE && k < n);
      if (which === -1) continue;
      const turned = rows.with(which, { ...rows[which]!, k: rows[which]!.k + 1 });
      const added = rows.with(which, { ...rows[which]!, n: rows[which]!.n + 1, k: rows[which]!.k + 1 });
      for (const changed of [turned, added]) assert.ok(logSafe(stream.with(place, changed)) <= before + 1e-6);
    }
  });
});

describe("doubts about the instrument", () => {
  const rows = (n1: number, k1: number) =>
    Array.from({ length: 240 }, (_, second) => [
      aSample(second, n1, k1),
      aSample(second, 500, 40, { release: STABLE }),
    ]).flat();
  const planned = (share: number, samples: readonly Sample[]) => {
    const evaluator = createEvaluator(aSetup());
    evaluator.exposed(START - 10_000, share);
    evaluator.observe(samples);
    return evaluator.judge(START + 240_000);
  };

  it("block forward and say why, and never back", () => {
    assert.equal(planned(0.05, rows(25, 2)).kind, "healthy");
    const verdict = planned(0.5, rows(25, 2));
    assert.equal(verdict.kind, "instrument-error");
    assert.match(verdict.findings[0]!.doubts![0]!, /the candidate should get 50 % of loans and gets 4\.76 %/);
    assert.equal(planned(0.5, rows(25, 12)).kind, "harmful");
  });
});
