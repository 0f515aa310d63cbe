import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../src/core/digest.ts";
import type { Verdict, VerdictKind } from "../src/core/verdict.ts";
import type { RolloutEvent } from "../src/index.ts";
import { createProgress } from "./progress.ts";

const release = digestOf("release");
const verdict = (kind: VerdictKind, logEvidence = 0): Verdict => ({
  kind,
  at: 0,
  because: [],
  logEvidence,
  logThreshold: Math.log(1000),
  findings: [
    {
      name: "rising-losses",
      signal: "losses",
      kind,
      claim: "losses rise",
      method: "projected-bernoulli",
      candidate: { release, n: 50, k: 10 },
      reference: { release, n: 0, k: 0 },
      logHarm: 0,
      logSafe: 0,
    },
    {
      name: "meltdown",
      signal: "errors",
      kind,
      claim: "errors > 5 %",
      method: "hard-limit",
      candidate: { release, n: 50, k: 0 },
      reference: { release, n: 0, k: 0 },
      logHarm: 0,
      logSafe: 0,
    },
  ],
});

function watching(colour = false) {
  let said = "";
  const progress = createProgress((text) => {
    said += text;
  }, colour);
  const say = (at: number, kind: RolloutEvent["kind"], text: string, more: object = {}) =>
    progress({ kind, at: 1_000_000 + at, text, rollout: {}, ...more } as RolloutEvent);
  const step = (status: string, more: object = {}) => ({ step: { step: "model", status, recovered: false, ...more } });
  return { say, step, lines: () => said.trimEnd().split("\n") };
}

test("judgements are said every two seconds at most, with natural frequencies and odds", () => {
  const { say, lines } = watching();
  say(0, "exposed", "10 % of traffic goes to release 2");
  for (let at = 100; at <= 10_000; at += 100) say(at, "judged", "watching", { verdict: verdict("inconclusive", 3) });
  assert.equal(lines().length, 6);
  assert.equal(
    lines()[1],
    "   2.0 s  watching: losses 20.0 in 100 (stable none yet), evidence for harm 20 to 1, acts at 1,000 to 1",
  );
});

test("a proof is said at once when it turns good, and not before", () => {
  const { say, lines } = watching();
  say(0, "proving", "restored; now proving that it is fixed");
  say(100, "proving", "proving", { verdict: verdict("no-data") });
  say(600, "proving", "proving", { verdict: verdict("inconclusive") });
  say(1100, "proving", "proving", { verdict: verdict("healthy") });
  say(1600, "proving", "proving", { verdict: verdict("healthy") });
  assert.deepEqual(lines().slice(1), ["   1.1 s  proving: losses 20.0 in 100 (stable none yet)"]);
});

test("a component is one line: when it is back, or when it is stuck", () => {
  const { say, step, lines } = watching();
  say(0, "step", "model: intent", step("intent"));
  say(10, "step", "model: done", step("done"));
  say(20, "step", "model: done", step("done", { recovered: true }));
  say(30, "step", "model: stuck", step("stuck", { note: "no answer" }));
  assert.deepEqual(lines(), [
    "   0.0 s    model is back",
    "   0.0 s    model is back (recovered after a crash)",
    "   0.0 s    model is STUCK: no answer",
  ]);
});

test("colour only where it is asked for", () => {
  const [plain, coloured] = [watching(), watching(true)];
  for (const { say } of [plain, coloured]) say(0, "harm", "going back");
  assert.deepEqual(plain.lines(), ["   0.0 s  going back"]);
  assert.ok(coloured.lines()[0]!.includes("\u001b[31m"), "also where stdout is no terminal");
});
