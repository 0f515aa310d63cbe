import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Criterion, HardLimit, Margin, Signal, Trigger } from "../core/playbook.ts";
import { claimOf, compileNull } from "./claim.ts";

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
});
