import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { digestOf } from "../src/core/digest.ts";
import type { Signal } from "../src/core/playbook.ts";
import type { Random } from "../src/core/ports.ts";
import type { Sample } from "../src/core/sample.ts";
import { drawBinomial, drawPoisson } from "../src/simulation/draws.ts";
import { createSeededRandom } from "../src/simulation/random.ts";
import { createEvaluator, type Evaluator } from "../src/watch/evaluator.ts";
import type { ShareRule } from "../src/watch/rule.ts";
import { type BenchResult, medianOf } from "./result.ts";

const START = 1_800_000_000_000;
const TRIGGERS = 5;
const ROLLOUTS = 10_000;
/** Simulated seconds before any is timed: the instruments wait a minute for outcomes of a second. */
const WARM = 75;
/** Simulated seconds of all rollouts that are timed. */
const SECONDS = 20;
/** So many rollouts' counts arrive together: they are judged while they are fresh, as in a server. */
const AT_ONCE = 100;
const HORIZON = 3_600_000;
const stable = digestOf("stable");
/** Rare outcomes that may rise by half, and common ones that may rise by five points. */
const isCommon = (index: number) => index % 2 === 1;
const usual = (index: number) => (isCommon(index) ? 0.4 : 0.01);

const rules: readonly ShareRule[] = Array.from({ length: TRIGGERS }, (_, index) => {
  const signal: Signal = {
    name: `signal-${index}`,
    kind: "share",
    part: "failed",
    of: "requests",
    from: "gateway",
    better: "down",
  };
  return {
    test: "share",
    name: `trigger-${index}`,
    signal,
    claim: "rises",
    null: isCommon(index) ? { ratio: 1, points: 0.05 } : { ratio: 1.5, points: 0 },
    badIs: "part",
  };
});

/** One rollout with what is seen of it: counts of its own, from a frozen window of its own. */
interface Watched {
  readonly evaluator: Evaluator;
  readonly batch: Writable<Sample>[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * What watching costs: 10,000 rollouts with five triggers each, judged every second, beside an empty loop and JSON.
 * `--rollouts N` takes fewer, where there is less memory.
 */
export async function benchWatch(args: readonly string[] = []): Promise<BenchResult> {
  const rollouts = args.includes("--rollouts") ? Number(args[args.indexOf("--rollouts") + 1]) : ROLLOUTS;
  const random = createSeededRandom("watch");
  const before = heldMemory();
  const all = Array.from({ length: rollouts }, (_, index) => startWatching(random, index));
  const empty = perTrigger(heldMemory() - before, rollouts);
  const cpu: number[] = [];
  const idle: number[] = [];
  const parsed: number[] = [];
  const unchanged: number[] = [];
  for (let second = 0; second < WARM + SECONDS; second++) {
    const took = { watching: 0, nothing: 0, parsing: 0 };
    for (let from = 0; from < rollouts; from += AT_ONCE) {
      const some = all.slice(from, from + AT_ONCE);
      for (const { batch } of some) draw(random, batch, second);
      took.watching += timed(() => judgeAll(some, START + 1000 * (second + 1)));
      if (second < WARM) continue;
      took.nothing += timed(() => some.reduce((sum, { batch }) => sum + batch.length, 0));
      const texts = some.map(({ batch }) => JSON.stringify(batch));
      took.parsing += timed(() => texts.map((text) => JSON.parse(text)));
    }
    if (second < WARM) continue;
    cpu.push(took.watching);
    idle.push(took.nothing);
    parsed.push(took.parsing);
    unchanged.push(timed(() => judgeEach(all, START + 1000 * (second + 1))));
  }
  const held = perTrigger(heldMemory() - before, rollouts);
  const [once, nothing, json, still] = [cpu, idle, parsed, unchanged].map(medianOf) as [number, number, number, number];
  const again = judgeOnly(all[0]!.evaluator);
  const lives = memoryOverLives(random);
  return {
    name: "watch",
    method: `${rollouts.toLocaleString("en")} rollouts, ${TRIGGERS} triggers each, both arms, one batch and one judgement a second; median of ${SECONDS} seconds after ${WARM}`,
    rows: [
      {
        subject: "take and judge all, once",
        figures: { "ms of a core a second": once, "us a trigger": (1000 * once) / (rollouts * TRIGGERS) },
      },
      { subject: "judge all without news", figures: { "us a trigger": (1000 * still) / (rollouts * TRIGGERS) } },
      { subject: "judge one again and again", figures: { "us a trigger": again } },
      { subject: "JSON.parse of the same batches", figures: { "ms of a core a second": json } },
      { subject: "empty loop", figures: { "ms of a core a second": nothing } },
      {
        subject: "memory, bytes a trigger",
        figures: { "at first": empty, [`after ${WARM + SECONDS} s`]: held, ...lives },
      },
    ],
    ratios: {
      "share of a core for 10,000 rollouts (bar 0.5)": ((once / 1000) * ROLLOUTS) / rollouts,
      "beside parsing the batches": once / json,
    },
  };
}

function startWatching(random: Random, rollout: number): Watched {
  const candidate = digestOf(`candidate ${rollout}`);
  const frozen = rules.map(({ signal }, index) => ({
    signal: signal.name,
    n: 10_000,
    k: drawBinomial(random, 10_000, usual(index)),
  }));
  const evaluator = createEvaluator({
    rules,
    hardLimits: [],
    alpha: 0.001,
    beta: 0.05,
    candidate,
    reference: stable,
    from: START,
    horizon: HORIZON,
    frozen,
    blindMs: 10_000,
  });
  evaluator.exposed(START, 0.05);
  const batch = rules.flatMap(({ signal }) =>
    [candidate, stable].map((release) => {
      return { node: "a", sequence: 0, bucket: START, signal: signal.name, release, n: 0, k: 0 };
    }),
  );
  return { evaluator, batch };
}

/** The next second of healthy counts, in place: it is no work of the watch. */
function draw(random: Random, batch: readonly Writable<Sample>[], second: number): void {
  batch.forEach((sample, index) => {
    sample.sequence = second + 1;
    sample.bucket = START + 1000 * second;
    sample.n = drawPoisson(random, index % 2 === 0 ? 50 : 950);
    sample.k = drawBinomial(random, sample.n, usual(index >> 1));
  });
}

function judgeAll(all: readonly Watched[], now: number): void {
  for (const { evaluator, batch } of all) {
    evaluator.observe(batch);
    evaluator.judge(now);
  }
}

function judgeEach(all: readonly Watched[], now: number): void {
  for (const { evaluator } of all) evaluator.judge(now);
}

function judgeOnly(evaluator: Evaluator): number {
  const runs = 20_000;
  const took = timed(() => {
    for (let i = 0; i < runs; i++) evaluator.judge(START + 1000 * (WARM + SECONDS));
  });
  return (1000 * took) / (runs * TRIGGERS);
}

/** What a few rollouts hold at the end of their horizon, and for three times as long after it: it grows no further. */
function memoryOverLives(random: Random): Record<string, number> {
  const few = 40;
  const before = heldMemory();
  const all = Array.from({ length: few }, (_, index) => startWatching(random, index));
  const figures: Record<string, number> = {};
  for (let second = 0; second < (4 * HORIZON) / 1000; second++) {
    for (const { batch } of all) draw(random, batch, second);
    judgeAll(all, START + 1000 * (second + 1));
    if ((1000 * (second + 1)) % HORIZON !== 0) continue;
    figures[`after ${(second + 1) / 3600} h`] = perTrigger(heldMemory() - before, few);
  }
  return figures;
}

/** Bytes in use, buffers outside the heap included: those are only let go of while garbage is collected once more. */
function heldMemory(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function perTrigger(bytes: number, rollouts: number): number {
  return Math.round(bytes / (rollouts * TRIGGERS));
}

/** Milliseconds of this process's own time. */
function timed(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
