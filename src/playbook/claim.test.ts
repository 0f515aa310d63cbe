import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Criterion, HardLimit, Margin, Signal, Trigger } from "../core/playbook.ts";
import { claimOf, compileNull, levelOf } from "./claim.ts";

const losses: Signal = {
  name: "losses",
  kind: "share",
  part: "defaulted",
  of: "loans",
  from: "events",
  better: "down",
};
const approvals: Signal = { ...losses, name: "approvals", part: "approved", of: "applications", better: "up" };
const leaks: Signal = { ...losses, name: "leaks", kind: "count", part: "leaked-tokens" };

const compare = (move: "rises" | "falls", by: Margin): Extract<Trigger, { kind: "compare" }> => ({
  kind: "compare",
  name: "t",
  signal: "s",
  move,
  by,
});
const limit = (side: "above" | "below", value: number): Extract<Trigger, { kind: "limit" }> => ({
  kind: "limit",
  name: "t",
  signal: "s",
  side,
  limit: value,
});
const relative = (value: number): Margin => ({ kind: "relative", value });
const points = (value: number): Margin => ({ kind: "points", value });

test("a rise of something bad becomes a ratio", () => {
  assert.deepEqual(compileNull(compare("rises", relative(0.6)), losses), { ratio: 1.6, points: 0, badIs: "part" });
});

test("a fall of something good becomes a ratio and points of its badness", () => {
  assert.deepEqual(compileNull(compare("falls", relative(0.15)), approvals), {
    ratio: 0.85,
    points: 0.15,
    badIs: "rest",
  });
});

test("points are points in either direction", () => {
  assert.deepEqual(compileNull(compare("rises", points(0.05)), losses), { ratio: 1, points: 0.05, badIs: "part" });
  assert.deepEqual(compileNull(compare("falls", points(0.05)), approvals), { ratio: 1, points: 0.05, badIs: "rest" });
});

test("limits have no reference", () => {
  assert.deepEqual(compileNull(limit("above", 0.015), losses), { ratio: 0, points: 0.015, badIs: "part" });
  assert.deepEqual(compileNull(limit("below", 0.75), approvals), { ratio: 0, points: 0.25, badIs: "rest" });
});

test("criteria compile like the triggers that would contradict them", () => {
  const within: Criterion = { kind: "within", signal: "s", margin: relative(0.5) };
  assert.deepEqual(compileNull(within, losses), { ratio: 1.5, points: 0, badIs: "part" });
  assert.deepEqual(compileNull(within, approvals), { ratio: 0.5, points: 0.5, badIs: "rest" });
  assert.deepEqual(compileNull({ kind: "below", signal: "s", limit: 0.008 }, losses).points, 0.008);
  assert.deepEqual(compileNull({ kind: "above", signal: "s", limit: 0.75 }, approvals).points, 0.25);
});

test("a fall by a part of a good share is the same statement in shares and in badness", () => {
  const rate = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(rate, rate, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (candidate, stable, by) => {
      const { ratio, points: delta } = compileNull(compare("falls", relative(by)), approvals);
      const gap = candidate - (1 - by) * stable;
      fc.pre(Math.abs(gap) > 1e-9);
      assert.equal(1 - candidate <= ratio * (1 - stable) + delta, gap > 0);
    }),
  );
});

const mood: Signal = {
  name: "mood",
  kind: "mean",
  part: "sentiment",
  of: "chats",
  from: "events",
  better: "up",
  range: [-1, 1],
};
const stars: Signal = { ...mood, name: "stars", range: [1, 5] };
const effort: Signal = { ...stars, name: "effort", better: "down" };
const latency: Signal = { ...losses, name: "latency", kind: "time", part: "latency", of: "requests", unit: "seconds" };

const near = (actual: { ratio: number; points: number; badIs: string }, ratio: number, at: number, badIs: string) => {
  assert.ok(Math.abs(actual.ratio - ratio) < 1e-12 && Math.abs(actual.points - at) < 1e-12, JSON.stringify(actual));
  assert.equal(actual.badIs, badIs);
};

test("a mean is tested in its badness: 0 at the best end of its scale, 1 at the worst", () => {
  near(compileNull(compare("falls", points(0.2)), mood), 1, 0.1, "rest");
  near(compileNull(limit("below", -0.3), mood), 0, 0.65, "rest");
  near(compileNull({ kind: "above", signal: "s", limit: -0.1 }, mood), 0, 0.55, "rest");
  near(compileNull(compare("falls", relative(0.1)), stars), 0.9, 0.125, "rest");
  near(compileNull(compare("rises", relative(0.1)), effort), 1.1, 0.025, "part");
  near(compileNull(limit("above", 4), effort), 0, 0.75, "part");
  near(compileNull({ kind: "within", signal: "s", margin: points(0.4) }, effort), 1, 0.1, "part");
});

test("a move of a mean by a part of it is the same statement on its scale and in badness", () => {
  const score = fc.double({ min: 1, max: 5, noNaN: true });
  const badness = (value: number, signal: Signal) => (signal.better === "down" ? value - 1 : 5 - value) / 4;
  fc.assert(
    fc.property(score, score, fc.double({ min: 0.01, max: 0.7, noNaN: true }), (candidate, stable, by) => {
      for (const [signal, move, gap] of [
        [stars, "falls", candidate - (1 - by) * stable],
        [effort, "rises", (1 + by) * stable - candidate],
      ] as const) {
        fc.pre(Math.abs(gap) > 1e-9);
        const { ratio, points: more } = compileNull(compare(move, relative(by)), signal);
        assert.equal(badness(candidate, signal) <= ratio * badness(stable, signal) + more, gap > 0);
      }
    }),
  );
});

test("a level in badness is told on the signal's own scale again", () => {
  for (const [signal, value] of [
    [losses, 0.015],
    [approvals, 0.75],
    [mood, -0.3],
    [effort, 4],
  ] as const) {
    const claim = limit(signal.better === "down" ? "above" : "below", value);
    assert.ok(Math.abs(levelOf(compileNull(claim, signal).points, signal) - value) < 1e-12);
  }
});

test("a count is tested in occurrences for each of what it is of", () => {
  near(compileNull(compare("rises", relative(0.6)), leaks), 1.6, 0, "part");
  near(compileNull(compare("rises", points(0.02)), leaks), 1, 0.02, "part");
  near(compileNull(limit("above", 1.5), leaks), 0, 1.5, "part");
});

const differ = (by: Margin): Extract<Trigger, { kind: "differ" }> => ({
  kind: "differ",
  name: "t",
  signal: "s",
  across: "applicant-group",
  by,
});

test("groups that differ are tested like a candidate and stable that do", () => {
  near(compileNull(differ(points(0.08)), approvals), 1, 0.08, "rest");
  near(compileNull(differ(relative(0.2)), approvals), 0.8, 0.2, "rest");
  near(compileNull(differ(relative(0.2)), losses), 1.2, 0, "part");
});

test("good news is no harm, and harm is no recovery", () => {
  assert.throws(() => compileNull(compare("falls", relative(0.1)), losses), /A fall of losses is good news/);
  assert.throws(() => compileNull(compare("rises", relative(0.1)), approvals), /A rise of approvals is good news/);
  assert.throws(() => compileNull(limit("below", 0.1), losses), /good news/);
  assert.throws(() => compileNull({ kind: "above", signal: "s", limit: 0.1 }, losses), /no recovery/);
});

test("claims read as sentences", () => {
  const hard: HardLimit = { name: "h", signal: "s", comparison: ">", limit: 0.05, over: 10_000, min: 200 };
  assert.equal(claimOf(compare("rises", relative(0.6)), losses), "losses rise by more than 60 %");
  assert.equal(
    claimOf(compare("falls", points(0.01)), { ...approvals, name: "trust" }),
    "trust falls by more than 1 point",
  );
  assert.equal(claimOf(compare("rises", points(0.08)), losses), "losses rise by more than 8 points");
  assert.equal(claimOf(limit("above", 0.015), losses), "losses are above 1.5 %");
  assert.equal(claimOf({ kind: "below", signal: "s", limit: 0.008 }, losses), "losses are below 0.8 %");
  assert.equal(
    claimOf({ kind: "within", signal: "s", margin: relative(0.03) }, approvals),
    "approvals are within 3 % of stable",
  );
  assert.equal(claimOf(hard, losses), "losses are more than 5 % over 10.0 s, with at least 200 observations");
  assert.equal(claimOf({ name: "h", signal: "s", comparison: ">=", limit: 1, min: 0 }, leaks), "leaks are at least 1");
  const run: HardLimit = { name: "h", signal: "s", comparison: ">=", limit: 1, min: 50, inARow: 50 };
  assert.equal(claimOf(run, losses), "50 loans in a row are all defaulted");
  assert.equal(claimOf(run, approvals), "of 50 applications in a row not one is approved");
});

test("claims about means, counts, groups and times read as sentences in their own unit", () => {
  assert.equal(claimOf(compare("falls", points(0.2)), mood), "mood falls by more than 0.2 (of -1 to 1)");
  assert.equal(claimOf(limit("below", -0.3), mood), "mood is below -0.3 (of -1 to 1)");
  assert.equal(claimOf(compare("rises", points(0.0004)), leaks), "leaks rise by more than 4 per 10,000 loans");
  assert.equal(claimOf(limit("above", 1.5), leaks), "leaks are above 150 per 100 loans");
  assert.equal(
    claimOf(differ(points(0.08)), approvals),
    "approvals of the groups of applicant-group differ by more than 8 points",
  );
  const slows: Trigger = { kind: "slows", name: "t", signal: "s", quantile: 0.95, by: 0.2 };
  assert.equal(claimOf(slows, latency), "p95 of latency grows by more than 20 %");
  assert.equal(
    claimOf({ ...slows, quantile: 0.999, within: 600_000 }, latency),
    "p99.9 of latency grows by more than 20 %, within 10 minutes",
  );
  const { quantile: _, ...anywhere } = slows;
  assert.equal(claimOf(anywhere, latency), "p50, p75, p90, p95 or p99 of latency grows by more than 20 %");
  const recent = (within: number) => claimOf({ ...compare("rises", relative(0.6)), within }, losses);
  assert.equal(recent(3_600_000), "losses rise by more than 60 %, within 1 hour");
  assert.equal(recent(172_800_000), "losses rise by more than 60 %, within 2 days");
  assert.equal(recent(250), "losses rise by more than 60 %, within 250 ms");
});
