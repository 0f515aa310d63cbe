import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bucketOf } from "../core/cells.ts";
import type { Sample } from "../core/sample.ts";
import { drawBinomial } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { advanceDrift, driftAlarm, driftDesign, increments, startRecursion } from "../statistics/index.ts";
import { createDriftWatch, type DriftAlarm, type DriftSetup, TICK } from "./drift-watch.ts";
import { againstFrozen } from "./frozen-reference.ts";
import { shareDesigns } from "./hypothesis/share.ts";
import { APPROVALS, aRule, aSample, CANDIDATE, LEAKS, LOSSES, STABLE, START } from "./stream.fixture.ts";

const MINUTE = 60;
/** A release that serves alone. */
const ALONE = STABLE;
/** One false alarm a year, in ticks. */
const YEAR = 525_960;

const aDriftSetup = (fields: Partial<DriftSetup> = {}): DriftSetup => ({
  rules: [aRule()],
  release: ALONE,
  from: START,
  frozen: [{ signal: "losses", n: 20_000, k: 1000 }],
  between: YEAR,
  error: 0.001,
  ...fields,
});

const ofMinute = (minute: number, n: number, k: number, fields: Partial<Sample> = {}): Sample =>
  aSample(minute * MINUTE, n, k, { release: ALONE, ...fields });

/** Where the minute begins by the clock, that the n-th minute of the watch begins in. */
const minuteOf = (minute: number) => Math.floor((START + minute * TICK) / TICK) * TICK;

/** Ticks until the alarm, and the alarm; each minute is drawn by `minute`. */
function watched(setup: DriftSetup, minutes: number, minute: (minute: number) => readonly Sample[]) {
  const watch = createDriftWatch(setup);
  for (let at = 0; at < minutes; at++) {
    watch.observe(minute(at));
    const alarm = watch.judge(START + (at + 1) * TICK);
    if (alarm) return { ticks: at + 1, alarm, watch };
  }
  return { ticks: minutes, alarm: undefined, watch };
}

describe("drift after promotion", () => {
  it("is told once it is proved, with what drifted, since when, and against which reference", () => {
    const { alarm, watch } = watched(aDriftSetup(), 2000, (at) => [ofMinute(at, 1000, at < 1000 ? 50 : 110)]);
    const [drifted, ...others] = alarm!.because;
    assert.deepEqual(others, []);
    assert.equal(drifted!.name, "rising-losses");
    assert.equal(drifted!.since, minuteOf(1000));
    assert.equal(drifted!.counts.k, (110 * drifted!.counts.n) / 1000);
    assert.deepEqual(drifted!.reference, { signal: "losses", n: 20_000, k: 1000 });
    assert.ok(drifted!.line > 1.6 * 0.05 && drifted!.line < 1.6 * 0.06);
    assert.equal(drifted!.learnt, false);
    assert.ok(alarm!.logEvidence >= alarm!.logThreshold);
    assert.deepEqual(watch.judge(alarm!.at + 10 * TICK), alarm, "it stands");
  });

  it("is not what lies below the line, other releases, groups, the past, or counts that cannot be", () => {
    const bad = (fields: Partial<Sample>) => ofMinute(1, 1000, 900, fields);
    const { alarm } = watched(aDriftSetup(), 3000, (at) => [
      ofMinute(at, 1000, 75),
      bad({ release: CANDIDATE }),
      bad({ group: "age=old" }),
      bad({ bucket: START - 1000 }),
      bad({ signal: "leaks" }),
      bad({ k: 1001 }),
    ]);
    assert.equal(alarm, undefined);
  });

  it("does not grow while nothing is counted", () => {
    const { alarm } = watched(aDriftSetup({ between: 100 }), 5000, () => []);
    assert.equal(alarm, undefined);
    assert.equal(createDriftWatch(aDriftSetup({ rules: [] })).judge(START + TICK), undefined);
  });

  it("moves on once a minute, whenever anybody looks", () => {
    const watch = createDriftWatch(aDriftSetup());
    watch.observe([ofMinute(0, 1000, 900)]);
    assert.equal(watch.judge(START + TICK - 1), undefined);
    assert.notEqual(watch.judge(START + TICK), undefined);
  });

  it("has its beginning as the reference where nothing is known of a signal: a quarter of an hour at least", () => {
    const little = [{ signal: "losses", n: 999, k: 50 }];
    const { alarm, watch } = watched(aDriftSetup({ frozen: little }), 500, (at) => [
      ofMinute(at, 1000, at < 15 ? 50 : 140),
    ]);
    assert.deepEqual(watch.references(), [{ signal: "losses", n: 15_000, k: 750 }]);
    assert.equal(alarm?.because[0]?.learnt, true);
    assert.equal(alarm.because[0].since, minuteOf(15));
    const quiet = watched(aDriftSetup({ frozen: [] }), 500, (at) => [ofMinute(at, 1, 1)]);
    assert.deepEqual(quiet.watch.references(), []);
    assert.equal(quiet.alarm, undefined);
  });

  it("of what matures is judged when it is old enough", () => {
    const rules = [aRule({ signal: { ...LOSSES, labels: 30 * TICK } })];
    const { ticks } = watched(aDriftSetup({ rules }), 200, (at) => [ofMinute(at, 1000, 140)]);
    const { ticks: atOnce } = watched(aDriftSetup(), 200, (at) => [ofMinute(at, 1000, 140)]);
    assert.equal(ticks, atOnce + 30);
  });

  it("is of several rules: who carries it alone is blamed, else the strongest", () => {
    const other = aRule({ name: "fewer", signal: APPROVALS, null: { ratio: 1.2, points: 0 }, badIs: "rest" });
    const frozen = [
      { signal: "losses", n: 20_000, k: 1000 },
      { signal: "approvals", n: 20_000, k: 12_000 },
    ];
    const story = (losses: number, approvals: number) =>
      watched(aDriftSetup({ rules: [aRule(), other], frozen }), 2000, (at) => [
        ofMinute(at, 1000, losses),
        ofMinute(at, 1000, approvals, { signal: "approvals" }),
      ]).alarm?.because.map(({ name }) => name);
    assert.deepEqual(story(50, 450), ["fewer"]);
    assert.deepEqual(story(500, 100), ["rising-losses", "fewer"]);
    assert.equal(story(50, 600), undefined);
    const twins = aDriftSetup({ rules: [aRule(), aRule({ name: "twin" })] });
    const together = watched(twins, 2000, (at) => [ofMinute(at, 100, at % 2 === 0 ? 10 : 11)]).alarm!;
    assert.deepEqual(
      together.because.map(({ name }) => name),
      ["rising-losses"],
    );
  });
});

describe("drift of other kinds of signals", () => {
  it("of counts, against a limit of its own, needs no reference", () => {
    const rule = aRule({ signal: LEAKS, null: { ratio: 0, points: 0.002 } });
    const minute = (at: number) => [ofMinute(at, 1000, at < 100 ? 1 : 9, { signal: "leaks" })];
    const { alarm } = watched(aDriftSetup({ rules: [rule], frozen: [] }), 300, minute);
    const [drifted] = alarm!.because;
    assert.equal(drifted!.reference, undefined);
    assert.equal(drifted!.line, 0.002);
    assert.equal(drifted!.since, minuteOf(100));
    assert.equal(drifted!.learnt, false);
  });

  it("of a mean is told on its own scale, whichever way is better", () => {
    for (const better of ["up", "down"] as const) {
      const signal = { ...LOSSES, name: "mood", kind: "mean" as const, better, range: [-1, 1] as const };
      const rule = { test: "mean" as const, name: "sad", signal, claim: "mood falls", null: { ratio: 1, points: 0.1 } };
      const [good, bad] = better === "up" ? [12, 6] : [4, 10];
      const frozen = [{ signal: "mood", n: 20_000, k: 0, cells: [[good, 20_000]] as const }];
      const minute = (at: number) => [ofMinute(at, 500, 0, { signal: "mood", cells: [[at < 100 ? good : bad, 500]] })];
      const { alarm } = watched(aDriftSetup({ rules: [rule], frozen }), 200, minute);
      const [drifted] = alarm!.because;
      assert.ok(Math.abs(drifted!.counts.mean! - (2 * (bad / 16) - 1)) < 0.02, String(drifted!.counts.mean));
      assert.ok(better === "up" ? drifted!.line < 0.5 && drifted!.line > 0.2 : drifted!.line > -0.5);
    }
  });

  it("of a time is a greater share of slow ones, and learnt where nothing was measured", () => {
    const signal = { ...LOSSES, name: "latency", kind: "time" as const };
    const rule = { test: "time" as const, name: "slow", signal, claim: "slows", quantile: 0.95, by: 0.2 };
    const [fast, slow] = [bucketOf(0.1), bucketOf(1)] as const;
    const minute = (at: number) => {
      const late = at < 100 ? 10 : 120;
      const cells = [
        [fast, 1000 - late],
        [slow, late],
      ] as const;
      return [ofMinute(at, 1000, 0, { signal: "latency", cells })];
    };
    const { alarm } = watched(aDriftSetup({ rules: [rule], frozen: [] }), 200, minute);
    const [drifted] = alarm!.because;
    assert.ok(drifted!.threshold! > 0.1 && drifted!.threshold! < 1);
    assert.ok(Math.abs(drifted!.line - 0.05) < 1e-9);
    assert.equal(drifted!.counts.k, (120 * drifted!.counts.n) / 1000);
    assert.equal(drifted!.learnt, true);
  });

  it("of a time at several quantiles is told at the one that speaks", () => {
    const signal = { ...LOSSES, name: "latency", kind: "time" as const };
    const rule = { test: "time" as const, name: "slow", signal, claim: "slows", by: 0.2 };
    const [fast, usual, slow] = [bucketOf(0.05), bucketOf(0.1), bucketOf(1)] as const;
    const minute = (at: number) => {
      const late = at < 100 ? 2 : 25;
      const cells = [
        [fast, 400 - late],
        [usual, 600],
        [slow, late],
      ] as const;
      return [ofMinute(at, 1000, 0, { signal: "latency", cells })];
    };
    const { alarm } = watched(aDriftSetup({ rules: [rule], frozen: [] }), 200, minute);
    const [drifted] = alarm!.because;
    assert.ok(Math.abs(drifted!.line - 0.01) < 1e-9, String(drifted!.line));
    assert.ok(drifted!.threshold! > 0.1 && drifted!.threshold! < 1);
    assert.equal(drifted!.counts.k, (25 * drifted!.counts.n) / 1000);
  });
});

describe("what a drift watch promises", () => {
  const atLine = aRule({ null: { ratio: 0, points: 0.05 } });

  it("false alarms of all rules together are as far apart as it says, at the line itself", () => {
    const random = createSeededRandom("drift: false alarms");
    const rules = [atLine, aRule({ ...atLine, name: "fewer", signal: APPROVALS })];
    const runs = 60;
    let ticks = 0;
    for (let run = 0; run < runs; run++) {
      const setup = aDriftSetup({ rules, between: 100, frozen: [] });
      ticks += watched(setup, 20_000, (at) => [
        ofMinute(at, 300, drawBinomial(random, 300, 0.05)),
        ofMinute(at, 300, drawBinomial(random, 300, 0.05), { signal: "approvals" }),
      ]).ticks;
    }
    // An exponential-like law: a standard error of 13 %.
    assert.ok(ticks / runs > 100 * 0.7, String(ticks / runs));
  });

  it("drift is found at most a tenth later than by the detector that knows how large it is", () => {
    const rule = aRule();
    const frozen = [{ signal: "losses", n: 20_000, k: 1000 }];
    const { harm } = shareDesigns(againstFrozen(rule, frozen, 0.001), frozen[0], driftDesign);
    const shifts = [
      [0.107, 200],
      [0.112, 200],
      [0.12, 100],
    ] as const;
    for (const [rate, perMinute] of shifts) {
      const tuned = { ...harm, alternatives: [{ ...harm.alternatives[0]!, rate, weight: 1 }] };
      const [ours, best] = [0, 0].map((_, who) => {
        const random = createSeededRandom(`drift: delay at ${rate}`);
        let ticks = 0;
        for (let run = 0; run < 300; run++) {
          const next = () => drawBinomial(random, perMinute, rate);
          if (who === 0) ticks += watched(aDriftSetup(), 10_000, (at) => [ofMinute(at, perMinute, next())]).ticks;
          else
            for (let state = startRecursion(tuned), done = false; !done; ticks++) {
              state = advanceDrift(state, tuned, increments(tuned, { n1: perMinute, k1: next(), n0: 0, k0: 0 }));
              done = driftAlarm(state, YEAR);
            }
        }
        return ticks / 300;
      }) as [number, number];
      assert.ok(ours <= 1.1 * best, `${rate}: ${ours} and ${best} minutes`);
    }
  });

  it("the same counts give the same alarm, however they come", () => {
    const one = (split: boolean): DriftAlarm | undefined =>
      watched(aDriftSetup(), 2000, (at) =>
        split ? [ofMinute(at, 400, 90), ofMinute(at, 600, 20, { node: "node-2" })] : [ofMinute(at, 1000, 110)],
      ).alarm;
    assert.deepEqual(one(true), one(false));
  });
});
