import type { Random } from "../../src/core/ports.ts";
import { createSeededRandom } from "../../src/simulation/random.ts";
import { isHarmful } from "../../src/statistics/incumbents/growth-book.ts";
import { atIntervals } from "../../src/statistics/incumbents/online-judge.ts";
import type { Block, ValueSums } from "../../src/statistics/index.ts";
import type { Outcome } from "./harm.ts";
import { INCUMBENTS } from "./methods.ts";
import { createValueJudge, type ValueClaim } from "./value-judge.ts";
import { ALPHA, HEALTHY, HOUR, type World } from "./worlds.ts";

/** One signal whose outcomes are values: what a candidate and a stable answer give, 0 the best. */
interface ValueWorld {
  readonly name: string;
  readonly candidate: (random: Random) => number;
  readonly stable: (random: Random) => number;
  /** Answers of the candidate that no test can undercut on average. */
  readonly bound: number;
  /** What those see who count bad answers only, and stable's share of them. */
  readonly isBad: (value: number) => boolean;
  readonly badShare: number;
  readonly claim: ValueClaim;
  /** A value as it is reported. */
  readonly reported: (value: number) => number;
}

const PER_TICK = 20;
const TICK = 0.02;
const SHARE = 0.05;
const LOG = -Math.log(ALPHA);

/** Box and Muller. */
function drawNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log1p(-random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** Sentiment in [-1, 1] as badness in [0, 1]. */
const sentiment = (mean: number) => (random: Random) =>
  (1 - Math.min(1, Math.max(-1, mean + 0.5 * drawNormal(random)))) / 2;
/** Answers of stable that were seen before the release. */
const FROZEN = 100_000;

const SENTIMENT: ValueWorld = {
  name: "sentiment +.2 -> -.1",
  candidate: sentiment(-0.1),
  stable: sentiment(0.2),
  // Normal with a known spread of .5, unclipped: 2 ln(1/alpha) (sd^2 + sd^2 share / (1 - share)) / shift^2.
  bound: (2 * LOG * 0.25) / (1 - SHARE) / 0.09,
  isBad: (value) => value > 0.5,
  badShare: 0.3446,
  // `{ mean: sentiment, between: [-1, 1] }` and `{ sentiment: falls, by: 0.02 }`
  claim: {
    signal: {
      name: "sentiment",
      kind: "mean",
      part: "sentiment",
      of: "answers",
      from: "events",
      better: "up",
      range: [-1, 1],
    },
    trigger: {
      kind: "compare",
      name: "sadder",
      signal: "sentiment",
      move: "falls",
      by: { kind: "points", value: 0.02 },
    },
  },
  reported: (badness) => 1 - 2 * badness,
};

/** ln of a latency: deviation .8 around 0. */
const DEVIATION = 0.8;
function slower(factor: number): ValueWorld {
  return {
    name: `latency x${factor}`,
    candidate: (random) => Math.log(factor) + DEVIATION * drawNormal(random),
    stable: (random) => DEVIATION * drawNormal(random),
    bound: (2 * LOG * DEVIATION ** 2) / (1 - SHARE) / Math.log(factor) ** 2,
    isBad: (value) => value > 1.6449 * DEVIATION,
    badShare: 0.05,
    // `{ time: seconds }` and `{ latency: slows, at: p95, by: 1% }`
    claim: {
      signal: { name: "latency", kind: "time", part: "seconds", of: "answers", from: "events", better: "down" },
      trigger: { kind: "slows", name: "slow", signal: "latency", quantile: 0.95, by: 0.01 },
    },
    reported: Math.exp,
  };
}

export const VALUES: readonly ValueWorld[] = [SENTIMENT, slower(1.2), slower(1.5)];

/** One tick of a rollout, in the eyes of those who judge values and of those who count. */
interface ValueTick {
  readonly candidate: readonly number[];
  readonly stable: readonly number[];
  readonly block: Block;
  readonly at: number;
}

type ValueJudge = (tick: ValueTick) => boolean;

/** One rollout with the fault at the start: ours and GrowthBook's judge the values, the others count bad answers. */
export function runValues(name: string, seed: string, rollout: number): readonly Outcome[] {
  const world = VALUES.find((one) => one.name === name);
  if (!world) throw new RangeError(`No world is called ${name}.`);
  const random = createSeededRandom(`${seed}/${name}/${rollout}`);
  const past = createSeededRandom(`${seed}/${name}/${rollout}/before`);
  const waiting = judgesOf(world, random, past);
  const outcomes: Outcome[] = [];
  let [answers, bad, ticks] = [0, 0, 0];
  const note = (method: string, end: Outcome["end"]) => {
    waiting.delete(method);
    outcomes.push({ method, world: name, rollout, fault: 0, end, seconds: ticks * TICK, answers, bad });
  };
  while (waiting.size > 0 && ticks * TICK < HOUR / 2) {
    const candidate: number[] = [];
    const stable: number[] = [];
    for (let left = PER_TICK; left > 0; left--) {
      if (random.next() < SHARE) candidate.push(world.candidate(random));
      else stable.push(world.stable(random));
    }
    ticks++;
    const block = blockOf(candidate, stable, world.isBad);
    answers += block.n1;
    bad += block.k1;
    const tick = { candidate, stable, block, at: ticks * TICK };
    for (const [method, judge] of waiting) if (judge(tick)) note(method, "decided");
  }
  for (const method of waiting.keys()) note(method, "never");
  return outcomes;
}

function judgesOf(world: ValueWorld, random: Random, past: Random): Map<string, ValueJudge> {
  const before = Array.from({ length: FROZEN }, () => world.reported(world.stable(past)));
  const ours = createValueJudge(world.claim, before);
  const reported = (values: readonly number[]) => values.map(world.reported);
  const judges = new Map<string, ValueJudge>([
    ["ours, default", ({ candidate, stable, at }) => ours.take(reported(candidate), reported(stable), at)],
    ["GrowthBook, each second", growthBook()],
  ]);
  const asShare: World = { ...HEALTHY[0]!, forecast: world.badShare, limit: 1.6 * world.badShare };
  for (const method of INCUMBENTS) {
    const judge = method.open(asShare, asShare.open(random));
    if (judge && !judges.has(method.name)) judges.set(method.name, ({ block, at }) => judge.take(block, at));
  }
  return judges;
}

function growthBook(): ValueJudge {
  const sums = [noValues(), noValues()] as const;
  const look = atIntervals(1, () => sums[0].n > 1 && isHarmful(sums[0], sums[1], ALPHA));
  return ({ candidate, stable, at }) => {
    addValues(sums[0], candidate);
    addValues(sums[1], stable);
    return look(at);
  };
}

function blockOf(candidate: readonly number[], stable: readonly number[], isBad: (value: number) => boolean): Block {
  const count = (values: readonly number[]) => values.filter(isBad).length;
  return { n1: candidate.length, k1: count(candidate), n0: stable.length, k0: count(stable) };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function noValues(): Mutable<ValueSums> {
  return { n: 0, sum: 0, squares: 0 };
}

function addValues(sums: Mutable<ValueSums>, values: readonly number[]): void {
  for (const value of values) {
    sums.n++;
    sums.sum += value;
    sums.squares += value * value;
  }
}
