import { digestOf } from "../src/core/digest.ts";
import type { Signal } from "../src/core/playbook.ts";
import type { Sample } from "../src/core/sample.ts";
import { drawPoisson } from "../src/simulation/draws.ts";
import { createSeededRandom } from "../src/simulation/random.ts";
import { createEvaluator, type Evaluator } from "../src/watch/evaluator.ts";
import type { ShareRule } from "../src/watch/rule.ts";
import { type BenchResult, medianOf } from "./result.ts";

const START = 1_800_000_000_000;
const TRIGGERS = 5;
const ROLLOUTS = 10_000;
/** Simulated seconds of all rollouts that are timed. */
const SECONDS = 12;
const candidate = digestOf("candidate");
const stable = digestOf("stable");

const rules: readonly ShareRule[] = Array.from({ length: TRIGGERS }, (_, index) => {
  const signal: Signal = {
    name: `signal-${index}`,
    kind: "share",
    part: "failed",
    of: "requests",
    from: "gateway",
    better: "down",
  };
  const common = index % 2 === 1;
  return {
    test: "share",
    name: `trigger-${index}`,
    signal,
    claim: "rises",
    null: common ? { ratio: 1, points: 0.05 } : { ratio: 1.5, points: 0 },
    badIs: "part",
  };
});

/** What watching costs: 10,000 rollouts with five triggers each, judged every second, beside an empty loop and JSON. */
export async function benchWatch(): Promise<BenchResult> {
  const random = createSeededRandom("watch");
  const evaluators = Array.from({ length: ROLLOUTS }, startEvaluator);
  const seconds = Array.from({ length: SECONDS }, (_, second) => batchOf(second, () => drawPoisson(random, 3)));
  const cpu: number[] = [];
  const idle: number[] = [];
  const parsed: number[] = [];
  global.gc?.();
  const before = process.memoryUsage().heapUsed;
  seconds.forEach((batch, second) => {
    cpu.push(timed(() => judgeAll(evaluators, batch, START + 1000 * (second + 1))));
    idle.push(timed(() => evaluators.reduce((sum) => sum + batch.length, 0)));
    const text = JSON.stringify(batch);
    parsed.push(timed(() => evaluators.map(() => JSON.parse(text))));
  });
  const heap = (process.memoryUsage().heapUsed - before) / (ROLLOUTS * TRIGGERS);
  const [all, nothing, json] = [cpu.slice(2), idle, parsed].map(medianOf) as [number, number, number];
  const again = judgeOnly(evaluators[0]!);
  return {
    name: "watch",
    method: `${ROLLOUTS.toLocaleString("en")} rollouts, ${TRIGGERS} triggers each, both arms, one batch and one judgement a second; median of ${SECONDS - 2} seconds`,
    rows: [
      {
        subject: "take and judge all, once",
        figures: { "ms of a core a second": all, "us a trigger": (1000 * all) / (ROLLOUTS * TRIGGERS) },
      },
      { subject: "judge without news", figures: { "us a trigger": again } },
      { subject: "JSON.parse of the same batches", figures: { "ms of a core a second": json } },
      { subject: "empty loop", figures: { "ms of a core a second": nothing } },
      { subject: "memory", figures: { "heap bytes a trigger": heap } },
    ],
    ratios: { "share of a core (bar 0.5)": all / 1000, "beside parsing the batches": all / json },
  };
}

function startEvaluator(): Evaluator {
  return createEvaluator({
    rules,
    hardLimits: [],
    alpha: 0.001,
    beta: 0.05,
    candidate,
    reference: stable,
    from: START,
    horizon: 3_600_000,
    frozen: rules.map(({ signal }, index) => ({ signal: signal.name, n: 10_000, k: index % 2 === 1 ? 4000 : 100 })),
    blindMs: 10_000,
  });
}

function batchOf(second: number, bad: () => number): readonly Sample[] {
  return rules.flatMap(({ signal }, index) => {
    const row = { node: "a", sequence: second + 1, bucket: START + 1000 * second, signal: signal.name };
    const many = index % 2 === 1 ? 20 : 0;
    return [
      { ...row, release: candidate, n: 50, k: Math.min(50, many + Math.round(bad() / 6)) },
      { ...row, release: stable, n: 950, k: 19 * many + bad() * 3 },
    ];
  });
}

function judgeAll(evaluators: readonly Evaluator[], batch: readonly Sample[], now: number): void {
  for (const evaluator of evaluators) {
    evaluator.observe(batch);
    evaluator.judge(now);
  }
}

function judgeOnly(evaluator: Evaluator): number {
  const runs = 20_000;
  const took = timed(() => {
    for (let i = 0; i < runs; i++) evaluator.judge(START + 1000 * SECONDS);
  });
  return (1000 * took) / (runs * TRIGGERS);
}

/** Milliseconds of this process's own time. */
function timed(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
