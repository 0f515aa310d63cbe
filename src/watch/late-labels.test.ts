import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Signal } from "../core/playbook.ts";
import type { Random } from "../core/ports.ts";
import type { Sample } from "../core/sample.ts";
import { drawBinomial } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { runs } from "../testing/runs.fixture.ts";
import { createEvaluator } from "./evaluator.ts";
import { aRule, aSample, aSetup, CANDIDATE, LOSSES, STABLE, START } from "./stream.fixture.ts";

const SECONDS = 120;
const equal = { null: { ratio: 1, points: 0 } };
const labelled = aRule({ ...equal, signal: { ...LOSSES, labels: 60_000 } });

/** Outcomes of both arms, 12 and 40 a second, known after an exponential time with these means, in seconds. */
function labels(random: Random, delay: { readonly candidate: number; readonly stable: number }, bad: number): Sample[] {
  const rows = new Map<string, Sample>();
  for (let second = 0; second < SECONDS; second++)
    for (const [release, n, mean, share] of [
      [CANDIDATE, 12, delay.candidate, bad],
      [STABLE, 40, delay.stable, 0.08],
    ] as const)
      for (let one = 0; one < n; one++) {
        const after = Math.floor(-mean * Math.log(1 - random.next()));
        const known = START + 1000 * (second + 1 + after);
        const key = `${known} ${second} ${release}`;
        const row = rows.get(key) ?? aSample(second, 0, 0, { release, known, sequence: known });
        rows.set(key, { ...row, n: row.n + 1, k: row.k + drawBinomial(random, 1, share) });
      }
  return [...rows.values()].toSorted((a, b) => a.known! - b.known!);
}

/** Is it rolled back, judged every second for five minutes? */
function rolledBack(samples: readonly Sample[], rule = labelled, alpha = 0.05): boolean {
  const evaluator = createEvaluator(aSetup({ rules: [rule], alpha, horizon: 120_000 }));
  let next = 0;
  for (let now = START; now <= START + 300_000; now += 1000) {
    const from = next;
    while (next < samples.length && samples[next]!.known! <= now) next += 1;
    evaluator.observe(samples.slice(from, next));
    if (evaluator.judge(now).kind === "harmful") return true;
  }
  return false;
}

describe("outcomes of requests that the gateway has counted before", () => {
  const thumbs: Signal = { ...LOSSES, part: "thumbs-down", of: "requests", from: "gateway", labels: 10_000 };
  const rule = aRule({ ...equal, signal: thumbs });
  const told = (bad: number) =>
    Array.from({ length: 120 }, (_, second) => {
      const row = { known: START + 1000 * second + 1000, sequence: second };
      const arm = (release: typeof STABLE, n: number, k: number) => [
        aSample(second, n, 0, { ...row, release }),
        ...(second < 5 ? [] : [aSample(second - 5, 0, k, { ...row, release })]),
      ];
      return [...arm(CANDIDATE, 12, bad), ...arm(STABLE, 40, 4)];
    }).flat();

  it("are evidence once they are known for certain, and no fault of the instrument", () => {
    assert.ok(rolledBack(told(9), rule, 0.001));
    const evaluator = createEvaluator(aSetup({ rules: [rule], horizon: 120_000 }));
    evaluator.observe(told(0));
    assert.equal(evaluator.judge(START + 131_000).kind, "healthy");
  });
});

describe("occurrences that are reported of requests which the gateway has counted before, without `labels`", () => {
  const leaks: Signal = { ...LOSSES, kind: "count", part: "leaks", of: "requests", from: "gateway" };
  const rule = aRule({ ...equal, signal: leaks });
  const told = (leaked: number, after: number) =>
    Array.from({ length: 180 }, (_, second) => {
      const arm = (release: typeof STABLE, n: number, k: number) => [
        aSample(second, n, 0, { release, known: START + 1000 * second + 900, sequence: 10 * second }),
        aSample(second, 0, k, { release, known: START + 1000 * (second + after), sequence: 10 * (second + after) + 1 }),
      ];
      return [...arm(CANDIDATE, 12, leaked), ...arm(STABLE, 40, 4)];
    })
      .flat()
      .toSorted((a, b) => a.known! - b.known!);

  it("count for their requests, when those are a minute old", () => {
    for (const after of [2, 20]) {
      assert.ok(rolledBack(told(9, after), rule, 0.001), `${after} s`);
      assert.ok(!rolledBack(told(1, after), rule, 0.001), `${after} s`);
    }
  });

  it("are doubted where they come after that", () => {
    const evaluator = createEvaluator(aSetup({ rules: [rule], horizon: 120_000 }));
    evaluator.observe(told(4, 70).filter(({ bucket }) => bucket < START + 60_000));
    const { kind, findings } = evaluator.judge(START + 125_000);
    assert.equal(kind, "instrument-error");
    assert.match(findings[0]!.doubts![0]!, /^`labels` of losses is too short: \d+ of \d+ bad ones turned bad/);
  });
});

describe("outcomes that are known late", () => {
  it("are no harm where one arm's come twice as fast, once the signal says how long they take", () => {
    let alarms = 0;
    for (let run = 0; run < 16; run++) {
      const random = createSeededRandom(`twice as fast ${run}`);
      if (rolledBack(labels(random, { candidate: 5, stable: 10 }, 0.08))) alarms += 1;
    }
    assert.ok(alarms <= 1, `${alarms} of 16`);
  });

  it("show harm as surely as early ones, whatever comes first", () => {
    for (let run = 0; run < runs(5); run++) {
      const random = createSeededRandom(`late harm ${run}`);
      assert.ok(rolledBack(labels(random, { candidate: 10, stable: 10 }, 0.25), labelled, 0.001), `run ${run}`);
    }
  });

  it("are decided where bad ones come later than good ones, which outcomes as they come cannot", () => {
    const random = createSeededRandom("bad ones later");
    const rows = Array.from({ length: SECONDS }, (_, second) => {
      const at = (after: number, release: typeof STABLE, n: number, k: number) => {
        const known = START + 1000 * (second + 1 + after);
        return aSample(second, n, k, { release, known, sequence: known });
      };
      const [bad, stably] = [drawBinomial(random, 12, 0.3), drawBinomial(random, 40, 0.08)];
      return [
        at(1, CANDIDATE, 12 - bad, 0),
        at(1, STABLE, 40 - stably, 0),
        at(20, CANDIDATE, bad, bad),
        at(20, STABLE, stably, stably),
      ];
    });
    const samples = rows
      .flat()
      .filter(({ n }) => n > 0)
      .toSorted((a, b) => a.known! - b.known!);
    assert.ok(rolledBack(samples, labelled, 0.001));
  });

  it("are waited for: nothing can be known yet is not blindness, and silence afterwards is", () => {
    const other = (second: number) => aSample(second, 50, 0, { signal: "errors" });
    const evaluator = createEvaluator(aSetup({ rules: [labelled] }));
    evaluator.observe([other(0)]);
    assert.equal(evaluator.judge(START + 30_000).kind, "inconclusive");
    assert.equal(evaluator.judge(START + 70_000).kind, "inconclusive");
    assert.equal(evaluator.judge(START + 70_001).kind, "no-data");
  });
});

describe("reports of one arm that are held up", () => {
  /** Bad ones are known after 20 s, good ones at once; this arm says nothing between 40 s and then, and delivers all of it. */
  const heldUp = (seed: string, share: number, held: typeof STABLE, until: number, seconds = SECONDS) => {
    const random = createSeededRandom(seed);
    return Array.from({ length: seconds }, (_, second) =>
      [[CANDIDATE, 100, share] as const, [STABLE, 300, 0.02] as const].flatMap(([release, n, part]) => {
        const bad = drawBinomial(random, n, part);
        const at = (after: number, count: number, k: number) => {
          const due = 1000 * (second + 1 + after);
          const known = START + (release === held && due >= 40_000 && due < until ? until : due);
          return aSample(second, count, k, {
            release,
            known,
            node: release,
            sequence: known + 2 * second + (after > 0 ? 1 : 0),
          });
        };
        return [at(0, n - bad, 0), at(20, bad, bad)].filter(({ n: count }) => count > 0);
      }),
    )
      .flat()
      .toSorted((a, b) => a.known! - b.known!);
  };
  const signal: Signal = { ...LOSSES, labels: 30_000 };
  const rule = aRule({ null: { ratio: 1.2, points: 0 }, signal });

  it("are no harm where they are stable's", () => {
    for (let run = 0; run < runs(5); run++)
      for (const until of [60_000, 80_000])
        assert.ok(!rolledBack(heldUp(`stable ${run}`, 0.02, STABLE, until), rule, 0.01), `run ${run}, ${until}`);
  });

  it("are none either after the moment at which the plan would have given the candidate all requests", () => {
    const planned = { shares: [0.05, 0.25, 1], each: 5000 };
    for (let run = 0; run < runs(5); run++) {
      const evaluator = createEvaluator(aSetup({ rules: [rule], alpha: 0.01, planned, blindMs: 1e9 }));
      const samples = heldUp(`planned ${run}`, 0.02, STABLE, 180_000, 240);
      for (let now = START; now <= START + 240_000; now += 1000) {
        evaluator.observe(samples.filter(({ known }) => known! <= now && known! > now - 1000));
        assert.notEqual(evaluator.judge(now).kind, "harmful", `run ${run}, ${now - START}`);
      }
    }
  });

  it("are no safety where they are the candidate's", () => {
    for (let run = 0; run < runs(5); run++) {
      const evaluator = createEvaluator(aSetup({ rules: [rule], alpha: 1e-300, blindMs: 1e9 }));
      const samples = heldUp(`candidate ${run}`, 0.024, CANDIDATE, 80_000);
      for (let now = START; now <= START + 200_000; now += 1000) {
        evaluator.observe(samples.filter(({ known }) => known! <= now && known! > now - 1000));
        assert.notEqual(evaluator.judge(now).kind, "healthy", `run ${run}, ${now - START}`);
      }
    }
  });

  it("for more than a minute are said to be missing", () => {
    const evaluator = createEvaluator(aSetup({ rules: [rule], blindMs: 1e9 }));
    evaluator.observe(heldUp("silent", 0.02, STABLE, 1e9).filter(({ known }) => known! < START + 110_000));
    const { kind, findings } = evaluator.judge(START + 110_000);
    assert.equal(kind, "instrument-error");
    assert.match(findings[0]!.doubts![0]!, /^nothing was reported of stable for 1 min 0 s, and outcomes wait/);
  });

  it("are said to be missing where stable never reported, and in segments; not where it always reports so rarely", () => {
    const own = Array.from({ length: 100 }, (_, second) => aSample(second, 5, 1, { sequence: second }));
    const stable = Array.from({ length: 20 }, (_, at) =>
      aSample(90 * at, 9, 1, { sequence: 2000 + at, release: STABLE }),
    );
    const seldom = Array.from({ length: 1790 }, (_, second) =>
      aSample(second, 5, 1, { sequence: second, node: "own" }),
    );
    const doubts = (rows: readonly Sample[], of = rule) => {
      const evaluator = createEvaluator(aSetup({ rules: [of], alpha: 1e-300, blindMs: 1e9 }));
      evaluator.observe(rows);
      const last = Math.max(...rows.map(({ bucket }) => bucket)) + 1000;
      return evaluator.judge(last).findings[0]!.doubts ?? [];
    };
    assert.match(doubts(own).join(), /nothing was reported of stable for 1 min 0 s/);
    assert.match(doubts(own, aRule({ ...rule, inAny: "age" })).join(), /nothing was reported of stable for 1 min 0 s/);
    assert.deepEqual(doubts([...stable, ...seldom].toSorted((a, b) => a.bucket - b.bucket)), []);
  });

  it("of a release that is bad do not keep it", () => {
    assert.ok(rolledBack(heldUp("bad", 0.08, CANDIDATE, 80_000), rule, 0.001));
    assert.ok(rolledBack(heldUp("bad", 0.08, STABLE, 80_000), rule, 0.001));
  });
});

describe("what is counted by unit", () => {
  it("is compared after a minute, so that a unit that turns bad later is bad in its own second", () => {
    const perUser = aRule({ ...equal, signal: { ...LOSSES, per: "user" } });
    const rows = Array.from({ length: 121 }, (_, second) => [
      aSample(second, 10, 0, { sequence: 3 * second, known: START + 1000 * second + 1000 }),
      aSample(second, 40, 3, { sequence: 3 * second + 1, release: STABLE, known: START + 1000 * second + 1000 }),
      aSample(second, 0, 4, { sequence: 3 * second + 2, known: START + 1000 * (second + 20) }),
    ]).flat();
    const evaluator = createEvaluator(aSetup({ rules: [perUser] }));
    const young = (row: Sample) => row.known! <= START + 30_000;
    evaluator.observe(rows.filter(young));
    assert.equal(evaluator.judge(START + 30_000).kind, "inconclusive");
    evaluator.observe(rows.filter((row) => !young(row) && row.known! <= START + 121_000));
    assert.equal(evaluator.judge(START + 121_000).kind, "harmful");
  });
});
