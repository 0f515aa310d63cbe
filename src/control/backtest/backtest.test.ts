import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { RollbookError } from "../../core/errors.ts";
import type { Sample } from "../../core/sample.ts";
import { createSeededRandom } from "../../simulation/random.ts";
import { runs } from "../../testing/runs.fixture.ts";
import { createEvaluator } from "../../watch/evaluator.ts";
import { aSetup, CANDIDATE, START as LIVE_START, STABLE, streamOf } from "../../watch/stream.fixture.ts";
import { signalOf, triggerRules } from "../rules.ts";
import { backtest } from "./backtest.ts";
import { aPlaybook, backtestOf, CADENCE, rowsOf, START, tableOf } from "./recorded.fixture.ts";
import { createSampleTable, type RecordedCounts } from "./sample-table.ts";

const steady = (share: number) => () => share;
const v1 = (seed: number, to: number, share = 0.01) =>
  rowsOf(createSeededRandom(seed), { release: "v1", from: 0, to, n: 50, share: steady(share) });
const v2 = (seed: number, from: number, to: number, share: (second: number) => number) =>
  rowsOf(createSeededRandom(seed), { release: "v2", from, to, n: 20, share });
const exposed = (second: number) => START + 1000 * second;

describe("a recorded release", () => {
  test("that turns bad late is rolled back after it turned, and not before", () => {
    const turns = 1200;
    const { releases, wouldHaveRolledBack, replays } = backtestOf(
      [...v1(1, 2400), ...v2(2, 300, 2400, (second) => (second < turns ? 0.01 : 0.08))],
      {},
      aPlaybook(withoutClicks),
    );
    const [one] = replays;
    assert.deepEqual([releases, wouldHaveRolledBack, one?.outcome], [1, 1, "rolled back"]);
    assert.ok(one?.harm && one.promotedAt);
    assert.ok(one.harm.at > exposed(turns) && one.harm.at < exposed(turns + 120), `after ${one.harm.after}`);
    assert.deepEqual(one.harm.because, ["more-errors"]);
    assert.ok(one.promotedAt < one.harm.at, "it had proved itself before");
    assert.ok(one.verdict.logEvidence >= one.verdict.logThreshold);
    assert.equal(one.frozen[0]?.n, 300 * 50);
  });

  test("costs what was served until the verdict, beside stable's rate, and had it stayed, more", () => {
    const bad = backtestOf([...v1(3, 900), ...v2(4, 60, 900, steady(0.1))]).replays[0]!;
    const [until] = bad.harm?.costs ?? [];
    const [whole] = bad.costs;
    assert.ok(until?.excess !== undefined && whole?.excess !== undefined);
    assert.equal(until.candidate.n, 20 * ((bad.harm!.at - exposed(60)) / 1000));
    assert.equal(until.reference.from, "concurrent stable");
    const rate = until.reference.bad / until.reference.n;
    assert.ok(Math.abs(until.excess - (until.candidate.bad - rate * until.candidate.n)) < 1e-9);
    assert.ok(until.candidate.interval!.low < 0.1 && until.candidate.interval!.high > 0.1);
    assert.equal(whole.candidate.n, 20 * 840);
    assert.ok(whole.excess > 10 * until.excess);
  });

  test("of a healthy world is promoted, and none of many is rolled back", () => {
    for (let seed = 10; seed < 10 + runs(8); seed++) {
      const { replays } = backtestOf([...v1(seed, 1500), ...v2(seed + 100, 100, 1500, steady(0.01))]);
      assert.equal(replays[0]?.harm, undefined, `seed ${seed}`);
    }
    const good = backtestOf([...v1(5, 1500), ...v2(6, 100, 1500, steady(0.002))], {}, aPlaybook(withoutClicks));
    assert.equal(good.replays[0]?.outcome, "promoted");
    assert.ok(good.replays[0]!.promotedAt! >= exposed(100 + 240), "not before the steps are over");
  });

  test("whose metric goes silent is never healthy: no data", () => {
    const clicks = { release: "v2", signal: "clicks", from: 100, to: 2000, n: 20, share: steady(0.3) };
    const rows = [
      ...v1(7, 2000),
      ...v2(8, 100, 300, steady(0.01)),
      ...rowsOf(createSeededRandom(9), clicks),
      ...rowsOf(createSeededRandom(9), { ...clicks, release: "v1", from: 0, n: 50 }),
    ];
    const [one] = backtestOf(rows).replays;
    assert.deepEqual([one?.outcome, one?.verdict.kind], ["undecided", "no-data"]);
  });

  test("each claim says when it fires by itself, also after the verdict", () => {
    const rows = [...v1(11, 900), ...v2(12, 60, 900, (second) => (second < 400 ? 0.08 : 0.6))];
    const [one] = backtestOf(rows).replays;
    const fired = new Map(one?.claims.map(({ name, fired: fire }) => [name, fire?.at]));
    assert.ok(one?.harm && one.harm.at < exposed(400));
    assert.ok(fired.get("more-errors")! >= one.harm.at);
    assert.ok(
      fired.get("meltdown")! >= exposed(400) && fired.get("meltdown")! < exposed(412),
      "a raw threshold is later",
    );
    assert.equal(fired.get("fewer-clicks"), undefined);
    assert.deepEqual(
      one.claims.map(({ kind }) => kind),
      ["trigger", "trigger", "hard-limit"],
    );
  });

  test("beside which nothing served is judged against what was before it", () => {
    const rows = [...v1(13, 600, 0.02), ...v2(14, 600, 1800, steady(0.2))];
    const [one] = backtestOf(rows).replays;
    assert.equal(one?.reference, "frozen window");
    assert.equal(one?.outcome, "rolled back");
    assert.equal(one?.harm?.costs[0]?.reference.from, "frozen window");
  });

  test("is judged from --from on, and what came before belongs to the frozen window", () => {
    const rows = [...v1(15, 900), ...v2(16, 0, 900, (second) => (second < 300 ? 0.3 : 0.01))];
    assert.equal(backtestOf(rows, { stable: "v1" }).wouldHaveRolledBack, 1);
    const later = backtestOf(rows, { stable: "v1", from: exposed(300) });
    assert.equal(later.wouldHaveRolledBack, 0);
    assert.equal(later.replays[0]?.frozen[0]?.n, 300 * 50);
  });

  test("of coarse rows is known when its minute is over, and hard limits see the whole minute", () => {
    const minutes = [0, 1, 2, 3, 4, 5].flatMap((minute): RecordedCounts[] => [
      { at: exposed(60 * minute), release: "v1", signal: "errors", n: 3000, k: 30, line: 2 * minute },
      ...(minute < 2
        ? []
        : [{ at: exposed(60 * minute), release: "v2", signal: "errors", n: 300, k: 90, line: 2 * minute + 1 }]),
    ]);
    const { recording, replays } = backtestOf(minutes);
    assert.equal(recording.grain, 60_000);
    assert.equal(replays[0]?.harm?.at, exposed(180));
    assert.deepEqual(replays[0].harm.because.toSorted(), ["meltdown", "more-errors"]);
  });
});

const withoutClicks = (text: string) => text.replace(/ {2}fewer-clicks.*\n/, "");

describe("a recording", () => {
  const rows = [...v1(20, 600), ...v2(21, 60, 600, steady(0.05))];

  test("gives the same answer in whatever order its rows and files come", () => {
    const whole = backtestOf(rows);
    const order = fc.shuffledSubarray(rows, { minLength: rows.length });
    fc.assert(
      fc.property(order, fc.integer({ min: 1, max: rows.length - 1 }), (shuffled, cut) => {
        const table = createSampleTable();
        for (const part of [shuffled.slice(0, cut), shuffled.slice(cut)]) {
          table.open({ name: "part.csv", grain: 1000 });
          for (const row of part) table.add(row);
        }
        assert.deepEqual(backtest(aPlaybook(), table, CADENCE), whole);
      }),
      { numRuns: runs(10) },
    );
  });

  test("of a live rollout's samples gives the evidence that it had, bit for bit", () => {
    const playbook = aPlaybook(withoutClicks);
    const stream = streamOf(createSeededRandom(31), { ticks: 1500, perTick: 20, share: 0.2, p1: 0.05, p0: 0.02 });
    const batches: readonly Sample[] = stream.flat().map((sample) => ({ ...sample, signal: "errors" }));
    const live = createEvaluator(
      aSetup({
        rules: triggerRules(playbook),
        hardLimits: playbook.hardLimits.map((limit) => ({ limit, signal: signalOf(playbook, limit.signal) })),
        frozen: [],
        from: LIVE_START,
        horizon: CADENCE.horizon,
        blindMs: CADENCE.blindMs,
      }),
    );
    live.observe(batches);
    const table = createSampleTable();
    table.open({ name: "samples.jsonl", grain: 1000 });
    for (const [line, { bucket, ...sample }] of batches.entries()) table.add({ ...sample, at: bucket, line });
    const choice = { candidate: CANDIDATE, stable: STABLE };
    const [one] = backtest(
      aPlaybook((text) => withoutClicks(text).replace("1 in 1000", "1 in 1000000000")),
      table,
      CADENCE,
      choice,
    ).replays;
    assert.equal(one?.verdict.logEvidence, live.judge(LIVE_START + 200_000).logEvidence);
  });

  test("that repeats samples counts them once, and refuses a block that changed", () => {
    const sample = { at: exposed(1), release: "v1", signal: "errors", n: 90, k: 1, node: "a", sequence: 1, line: 1 };
    const other = { ...sample, release: "v2", at: exposed(5), sequence: 2 };
    assert.equal(backtestOf([sample, sample, other]).recording.repeated, 1);
    assert.throws(
      () => backtestOf([sample, { ...sample, k: 2, line: 7 }, other]),
      refused(/^data.csv:7: .*line 1 of data.csv, and other counts/),
    );
  });

  test("that counts a second twice is refused, unless a node tells the rows apart", () => {
    const row = { at: exposed(1), release: "v1", signal: "errors", n: 90, k: 1, line: 2 };
    const other = { ...row, at: exposed(9), release: "v2", line: 3 };
    assert.throws(() => backtestOf([row, other, { ...row, line: 4 }]), refused(/^data.csv:4: .*as line 2 of data.csv/));
    const nodes = backtestOf([{ ...row, node: "a" }, other, { ...row, node: "b", line: 4 }]);
    assert.equal(nodes.replays[0]?.frozen[0]?.n, 180);
  });

  test("of answers sums them up second by second, and makes few rows of many", () => {
    const table = createSampleTable();
    table.open({ name: "answers.csv", grain: 1000, perAnswer: true });
    for (let at = 0; at < 60_000; at++)
      table.add({
        at: START + at,
        release: at % 10 === 0 && at > 5000 ? "v2" : "v1",
        signal: "errors",
        n: 1,
        k: at % 50 === 0 ? 1 : 0,
        line: at,
      });
    assert.equal(table.rows, 60 + 55);
    const [one] = backtest(aPlaybook(), table, CADENCE).replays;
    assert.deepEqual([one?.costs[0]?.candidate.n, one?.costs[0]?.candidate.bad], [5499 + 1 - 1, 1099 + 1 - 1]);
  });
});

describe("which release is which", () => {
  const span = (release: string, from: number, to: number, n = 50) =>
    rowsOf(createSeededRandom(40), { release, from, to, n, share: steady(0.01) });
  const pairs = (rows: readonly RecordedCounts[], choice = {}) =>
    backtestOf(rows, choice).replays.map(({ candidate, stable }) => `${candidate} beside ${stable}`);

  test("every release but the first is tried beside the one that served most meanwhile", () => {
    const rows = [
      ...span("v1", 0, 400),
      ...span("v2", 100, 300, 5),
      ...span("v3", 350, 900, 20),
      ...span("v4", 700, 900, 5),
    ];
    assert.deepEqual(pairs(rows), ["v2 beside v1", "v3 beside v1", "v4 beside v3"]);
    assert.deepEqual(pairs(rows, { candidate: "v4" }), ["v4 beside v3"]);
    assert.deepEqual(pairs(rows, { stable: "v1" }), ["v2 beside v1", "v3 beside v1", "v4 beside v1"]);
  });

  test("a release that became stable is no candidate any more when the next one is tried beside it", () => {
    const turned = [...span("v1", 0, 200), ...v2(41, 100, 900, (second) => (second < 600 ? 0.01 : 0.5))];
    const rows = [...turned, ...span("v3", 500, 900, 20)];
    assert.deepEqual(
      backtestOf(rows).replays.map(({ candidate, to, harm }) => [candidate, to, harm?.because]),
      [
        ["v2", exposed(500), undefined],
        ["v3", exposed(900), undefined],
      ],
    );
  });

  test("of two that begin together the greater is stable, and equals must be told apart by people", () => {
    assert.deepEqual(pairs([...span("b", 0, 99, 5), ...span("a", 1, 99)]), ["b beside a"]);
    const equals = [...span("a", 0, 99), ...span("b", 0, 99)];
    assert.throws(() => pairs(equals), refused(/begin together.*say --stable.*Its releases: a, b/));
    assert.deepEqual(pairs(equals, { stable: "b" }), ["a beside b"]);
  });

  test("names that no release has, that several have, or that are one, are refused with those that there are", () => {
    const rows = [...span("model-1", 0, 99), ...span("model-2", 50, 99, 5)];
    for (const [choice, reason] of [
      [{ candidate: "v9" }, /"v9" names no release\. Its releases: model-1, model-2/],
      [{ candidate: "model" }, /"model" names 2 releases/],
      [{ candidate: "-2", stable: "2" }, /candidate and stable are both model-2/],
      [{ from: exposed(500) }, /no release is a candidate/],
    ] as const)
      assert.throws(() => pairs(rows, choice), refused(reason));
    assert.throws(() => pairs(span("only", 0, 9)), refused(/no release is a candidate/));
  });
});

test("triggers of which the recording holds nothing are named", () => {
  assert.deepEqual(backtestOf([...v1(50, 60), ...v2(51, 10, 60, steady(0))]).withoutData, ["fewer-clicks"]);
  assert.equal(tableOf([]).rows, 0);
});

function refused(reason: RegExp) {
  return (error: RollbookError) => {
    assert.match(error.message, reason);
    assert.equal(error.exit, 3);
    return true;
  };
}
