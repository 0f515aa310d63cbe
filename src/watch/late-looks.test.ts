import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Signal } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import type { Finding } from "../core/verdict.ts";
import { drawBinomial, drawOrder } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { runs } from "../testing/runs.fixture.ts";
import { createEvaluator, type EvaluatorSetup } from "./evaluator.ts";
import type { Rule } from "./rule.ts";
import { aRule, aSample, aSetup, CANDIDATE, LOSSES, STABLE, START } from "./stream.fixture.ts";

const equal = aRule({ null: { ratio: 1, points: 0 } });
const setup = (fields: Partial<EvaluatorSetup> = {}) => aSetup({ rules: [equal], blindMs: 1e9, ...fields });

interface Stream {
  readonly seconds?: number;
  /** Outcomes a second, and how many of them are bad. */
  readonly own?: readonly [n: number, share: number];
  readonly other?: readonly [n: number, share: number];
  /** After how many seconds outcomes come. */
  readonly after: number;
  readonly badAfter?: number;
  readonly group?: string;
  readonly fields?: (n: number, k: number) => Partial<Sample>;
}

function stream(seed: string, { seconds = 120, own = [20, 0.08], other = [80, 0.08], ...rest }: Stream): Sample[] {
  const random = createSeededRandom(seed);
  const { after, badAfter = after, group, fields = () => ({}) } = rest;
  const rows = Array.from({ length: seconds }, (_, second) => {
    const at = (release: typeof STABLE, delay: number, n: number, k: number): Sample[] => {
      const known = START + 1000 * second + 1000 * delay;
      const row = aSample(second, n, k, { release, known, sequence: known, ...fields(n, k) });
      return n === 0 ? [] : group === undefined ? [row] : [row, { ...row, group }];
    };
    const [bad, badly] = [drawBinomial(random, own[0], own[1]), drawBinomial(random, other[0], other[1])];
    const early = after === badAfter ? bad : 0;
    return [
      ...at(CANDIDATE, after, own[0] - bad + early, early),
      ...at(CANDIDATE, badAfter, bad - early, bad - early),
      ...at(STABLE, 0.3, other[0], badly),
    ];
  });
  return rows.flat().toSorted((a, b) => a.known! - b.known!);
}

/** The rule's finding after all samples, and when the release went back, in seconds. */
function judged(samples: readonly Sample[], fields: Partial<EvaluatorSetup> = {}) {
  const evaluator = createEvaluator(setup(fields));
  const last = Math.max(...samples.map(({ known }) => known!)) + 20_000;
  const due = Map.groupBy(samples, ({ known }) => Math.ceil(known! / 1000) * 1000);
  let harmful: number | undefined;
  let finding: Finding | undefined;
  for (let now = START; now <= last; now += 1000) {
    evaluator.observe(due.get(now) ?? []);
    const verdict = evaluator.judge(now);
    finding = verdict.findings[0];
    if (verdict.kind === "harmful") harmful ??= (now - START) / 1000;
  }
  return { harmful, finding: finding! };
}

describe("a candidate whose outcomes come later than stable's", () => {
  it("is compared with all of stable's of the same seconds: harm is found, and safety is proved", () => {
    for (const [after, by] of [
      [3, 30],
      [9, 45],
      [60, 200],
    ] as const) {
      const seconds = 3 * after + 60;
      const bad = judged(stream("bad", { seconds, own: [20, 0.4], after }));
      assert.ok(bad.harmful !== undefined && bad.harmful < by, `${after} s: ${bad.harmful}`);
      const good = judged(stream("good", { seconds: seconds + 100, own: [20, 0.08], after }), {
        rules: [aRule({ null: { ratio: 3, points: 0 } })],
      });
      assert.deepEqual([good.harmful, good.finding.kind, good.finding.doubts], [undefined, "healthy", undefined]);
    }
  });

  it("is doubted while nothing can be compared yet, with the delays that were seen and what to declare", () => {
    const { finding, harmful } = judged(stream("later", { seconds: 450, after: 400 }));
    assert.deepEqual([finding.kind, harmful], ["instrument-error", undefined]);
    assert.match(
      finding.doubts![0]!,
      /^outcomes of the candidate come later than stable's, and none is compared before its second is 15 min 0 s old; half of its outcomes take up to 10 min 0 s, of stable's up to 1\.5 s: declare `labels: 10m`$/,
    );
    const never = judged(
      stream("much later", { seconds: 7050, own: [2, 0.08], other: [8, 0.08], after: 7000 }),
    ).finding;
    assert.match(never.doubts![0]!, /stable's, too late to be compared; .* declare `labels: 2h`$/);
  });

  it("is doubted where it is its bad outcomes that come late, until those of a look are seen", () => {
    const late = stream("bad ones later", { seconds: 20, own: [20, 0.08], after: 0.3, badAfter: 4 });
    const { finding } = judged(late, { rules: [aRule({ null: { ratio: 3, points: 0 } })] });
    assert.equal(finding.kind, "instrument-error");
    assert.match(
      finding.doubts![0]!,
      /^bad outcomes of the candidate come late: \d+ of \d+ after more than 3 s, and 0 of \d+ of stable's; half .* `labels: [345]s`$/,
    );
  });

  it("proves no safety by looks that miss its bad outcomes", () => {
    const rows = stream("good at 4 s, bad at 60 s", {
      seconds: 240,
      own: [40, 0.015],
      other: [160, 0.005],
      after: 4,
      badAfter: 60,
    });
    const evaluator = createEvaluator(setup({ rules: [aRule({ null: { ratio: 1.5, points: 0 } })], alpha: 1e-300 }));
    for (let now = START; now <= START + 320_000; now += 1000) {
      evaluator.observe(rows.filter(({ known }) => known! <= now && known! > now - 1000));
      const { kind } = evaluator.judge(now);
      if (now > START + 75_000) assert.notEqual(kind, "healthy", `${(now - START) / 1000} s`);
    }
  });

  it("needs no second look where outcomes mature, where nothing is compared, or where arms report alike", () => {
    const rows = stream("bad", { own: [20, 0.4], after: 9 });
    const labels = aRule({ ...equal, signal: { ...LOSSES, labels: 30_000 } });
    assert.equal(judged(rows, { rules: [labels] }).finding.doubts, undefined);
    const above = aRule({ null: { ratio: 0, points: 0.1 } });
    assert.ok(judged(rows, { rules: [above] }).harmful! < 20);
    const alike = rows.map((row) => ({ ...row, known: row.bucket + 9000, sequence: row.bucket }));
    assert.deepEqual(judged(alike), judged(alike, { planned: { shares: [0.99], each: 60_000 } }));
  });

  it("is found for times, for recent changes, for calibrated thresholds and in segments", () => {
    const seconds: Signal = { ...LOSSES, kind: "time", part: "seconds" };
    const slower = (n: number, k: number): Partial<Sample> => ({ k: 0, cells: [[k > 0 ? 900 : 600, n]] });
    const time: Rule = { test: "time", name: "slow", signal: seconds, claim: "slower", quantile: 0.9, by: 0.1 };
    const window = {
      signal: "losses",
      n: 2000,
      k: 0,
      cells: [
        [600, 1900],
        [700, 100],
      ] as [number, number][],
    };
    const times = stream("times", { own: [20, 0.7], other: [80, 0], after: 9, fields: slower });
    assert.ok(judged(times, { rules: [time], frozen: [window] }).harmful! < 60);
    const bad = stream("bad", { own: [20, 0.4], after: 9, group: "age=old" });
    for (const rule of [
      aRule({ ...equal, within: 60_000 }),
      aRule({ ...equal, calibrated: { share: 0.2 } }),
      aRule({ ...equal, inAny: "age" }),
    ]) {
      const { harmful } = judged(bad, { rules: [rule] });
      assert.ok(harmful !== undefined && harmful < 60, `${JSON.stringify(rule)}: ${harmful}`);
    }
  });
});

describe("a candidate that is counted apart from stable", () => {
  /** Its block of a second comes so much later than stable's, which holds all of it. */
  const blocks = (share: number, after: number, node = "pod-c") =>
    Array.from({ length: 120 }, (_, second) => {
      const known = START + 1000 * second + 1200;
      const bad = drawBinomial(createSeededRandom(`apart ${share} ${second}`), 50, share);
      return [
        aSample(second, 950, 5, { node: "pod-s", sequence: 2 * second, release: STABLE, known }),
        aSample(second, 50, bad, { node, sequence: 2 * second + 1, known: known + after }),
      ];
    }).flat();

  it("is compared all the same: a moment later, at another node, or seconds later", () => {
    for (const [after, node] of [
      [40, "pod-s"],
      [300, "pod-c"],
      [0, "pod-c"],
      [4000, "pod-c"],
    ] as const) {
      const bad = judged(blocks(0.05, after, node));
      assert.ok(bad.harmful !== undefined && bad.harmful < 45, `${after} ms, ${node}: ${bad.harmful}`);
      const good = judged(blocks(0.005, after, node), { rules: [aRule({ null: { ratio: 4, points: 0 } })] });
      assert.deepEqual([good.harmful, good.finding.doubts], [undefined, undefined], `${after} ms, ${node}`);
    }
  });

  it("is doubted where there is no second look, with what to do", () => {
    const gateway = aRule({ null: { ratio: 1, points: 0 }, signal: { ...LOSSES, from: "gateway", part: "failed" } });
    const { finding } = judged(blocks(0.05, 40), { rules: [gateway] });
    assert.equal(finding.kind, "instrument-error");
    assert.match(
      finding.doubts![0]!,
      /^\d+ of 6000 outcomes .* compared with nothing: .* report both arms .* together$/,
    );
  });
});

describe("quiet traffic", () => {
  it("in whose seconds stable often has nothing is doubted for that nowhere", () => {
    const rows = Array.from({ length: 600 }, (_, second) => {
      const release = second % 3 === 0 ? STABLE : CANDIDATE;
      return aSample(second, 1, 0, { release, sequence: second, known: START + 1000 * second + 700 });
    });
    for (const from of ["events", "gateway"] as const) {
      const rule = aRule({ null: { ratio: 1, points: 0 }, signal: { ...LOSSES, from, part: "failed" } });
      assert.equal(judged(rows, { rules: [rule] }).finding.doubts, undefined, from);
    }
  });
});

describe("bad outcomes that come late in both arms", () => {
  const late = (own: number, after: number) =>
    stream("both late", { seconds: 300, own: [100, own], other: [300, 0.02], after: 0.3, badAfter: after }).flatMap(
      (row) => (row.release === STABLE && row.k > 0 ? split(row, after) : [row]),
    );
  /** The bad ones of a row, so many seconds after the others. */
  const split = (row: Sample, after: number): Sample[] => {
    const known = row.bucket + 1000 * after;
    return [
      { ...row, n: row.n - row.k, k: 0 },
      { ...row, n: row.k, k: row.k, known, sequence: known + 1 },
    ];
  };
  const frozen = [{ signal: "losses", n: 100_000, k: 2000 }];
  const points = aRule({ null: { ratio: 1, points: 0.01 } });

  it("are found, and prove no safety while they are to come", () => {
    for (const after of [2.9, 10, 30]) {
      const rows = late(0.06, after).toSorted((a, b) => a.known! - b.known!);
      const evaluator = createEvaluator(setup({ rules: [points], frozen }));
      const kinds = new Set<string>();
      for (let now = START; now <= START + 340_000; now += 1000) {
        evaluator.observe(rows.filter(({ known }) => known! <= now && known! > now - 1000));
        kinds.add(evaluator.judge(now).kind);
      }
      assert.ok(kinds.has("harmful") && !kinds.has("healthy"), `${after} s: ${[...kinds]}`);
    }
  });

  it("are said to be missing where stable has hardly any of those that it had before the release", () => {
    const rows = late(0.02, 60).filter(({ known }) => known! < START + 50_000);
    const { finding } = judged(rows, { rules: [aRule({ null: { ratio: 2, points: 0 } })], frozen });
    assert.equal(finding.kind, "instrument-error");
    assert.match(finding.doubts![0]!, /^hardly any of stable's outcomes are bad, where 2 % were .* declare `labels`/);
  });
});

describe("what a second look says", () => {
  const rows = stream("bad", { own: [20, 0.2], after: 6 });

  it("is the same bit for bit all at once, and in whatever order nodes deliver what they know", () => {
    const whole = createEvaluator(setup());
    whole.observe(rows);
    const last = rows.at(-1)!.known! + 20_000;
    const { finding } = judged(rows, { alpha: 1e-300 });
    assert.equal(whole.judge(last).findings[0]!.logHarm, finding.logHarm);
    const nodes = rows.map((row, index) => ({ ...row, node: `node-${index % 3}` }));
    const random = createSeededRandom("order");
    const told = [0, 1].map(() => {
      const evaluator = createEvaluator(setup({ alpha: 1e-300 }));
      // What came since the last look is taken at once.
      for (const block of Map.groupBy(nodes, (row) => Math.floor(row.known! / 1000)).values())
        evaluator.observe(drawOrder(random, block));
      return evaluator.judge(last).findings[0];
    });
    assert.deepEqual(told[0], told[1]);
  });

  it("is never less harm for one more bad outcome of the candidate (law 2)", () => {
    const arrival = fc.record({ second: fc.nat(25), after: fc.nat(9), n: fc.nat(40), k: fc.nat(40) });
    const worlds = fc.record({
      arrivals: fc.array(arrival, { minLength: 8, maxLength: 25 }),
      within: fc.option(fc.constantFrom(8000, 20_000), { nil: undefined }),
      place: fc.nat(),
      added: fc.boolean(),
    });
    let looked = 0;
    const harmOver = (
      arrivals: readonly { second: number; after: number; n: number; k: number }[],
      within?: number,
    ) => {
      const late = arrivals.map(({ second, after, n, k }, index) => {
        const known = START + 1000 * (second + after) + 900;
        return aSample(second, n, Math.min(n, k), { known, sequence: known + index });
      });
      const stable = Array.from({ length: 30 }, (_, second) =>
        aSample(second, 40, 3, { release: STABLE, known: START + 1000 * second + 300, sequence: second }),
      );
      const evaluator = createEvaluator(
        setup({ alpha: 1e-300, rules: [{ ...equal, ...(within === undefined ? {} : { within }) }] }),
      );
      const due = Map.groupBy([...late, ...stable], ({ known }) => Math.ceil(known! / 1000));
      return Array.from({ length: 60 }, (_, second) => {
        const now = START / 1000 + second;
        evaluator.observe(due.get(now) ?? []);
        return evaluator.judge(1000 * now).findings[0]!;
      });
    };
    fc.assert(
      fc.property(worlds, ({ arrivals, within, place, added }) => {
        const at = place % arrivals.length;
        const { n, k } = arrivals[at]!;
        const more = added || k >= n ? { n: n + 1, k: Math.min(n, k) + 1 } : { n, k: k + 1 };
        const before = harmOver(arrivals, within);
        const after = harmOver(arrivals.with(at, { ...arrivals[at]!, ...more }), within);
        for (const [second, { logHarm }] of before.entries())
          assert.ok(after[second]!.logHarm >= logHarm - 1e-9, `second ${second}`);
        if (before.some(({ doubts }) => doubts?.some((doubt) => /come later/.test(doubt)))) looked += 1;
      }),
      { numRuns: runs(150) },
    );
    assert.ok(looked > 0);
  });
});
