import type { Random } from "../../src/core/ports.ts";
import { createSeededRandom } from "../../src/simulation/random.ts";
import { isHarmful } from "../../src/statistics/incumbents/growth-book.ts";
import type { OnlineJudge } from "../../src/statistics/incumbents/online-judge.ts";
import {
  type Block,
  combine,
  countValue,
  createLateEvidence,
  emptyValues,
  harmDesign,
  increments,
  type LateEvidence,
  meanDesign,
  meanIncrements,
  planStarts,
  type ValueSums,
} from "../../src/statistics/index.ts";
import type { Outcome } from "./harm.ts";
import { INCUMBENTS } from "./methods.ts";
import { ALPHA, type Course, HEALTHY, HOUR, type World } from "./worlds.ts";

export type ValueOutcome = Outcome;

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
  readonly ours: () => { take(candidate: readonly number[], stable: readonly number[], second: number): number };
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
const CELLS = 16;
/** Of sentiment +.2, with what is clipped. */
const CALM = 0.4075;

const SENTIMENT: ValueWorld = {
  name: "sentiment +.2 -> -.1",
  candidate: sentiment(-0.1),
  stable: sentiment(0.2),
  // Normal with a known spread of .5, unclipped: 2 ln(1/alpha) (sd^2 + sd^2 share / (1 - share)) / shift^2.
  bound: (2 * LOG * 0.25) / (1 - SHARE) / 0.09,
  isBad: (value) => value > 0.5,
  badShare: 0.3446,
  ours: () => {
    const design = meanDesign({ direction: "harm", null: { ratio: 1, points: 0 }, forecast: CALM });
    const evidence = createLateEvidence(design, planStarts(HOUR));
    const binned = (values: readonly number[]) => {
      const counts = emptyValues(CELLS);
      for (const value of values) countValue(counts, value);
      return counts;
    };
    return {
      take(candidate, stable, second) {
        evidence.add(
          Math.floor(second / 10),
          meanIncrements(design, { candidate: binned(candidate), reference: binned(stable) }),
        );
        return evidence.log();
      },
    };
  },
};

/** ln of a latency: deviation .8 around 0. */
const DEVIATION = 0.8;
const QUANTILES = [
  [0.5, 0],
  [0.25, 0.6745],
  [0.1, 1.2816],
  [0.05, 1.6449],
  [0.01, 2.3263],
] as const;

function slower(factor: number): ValueWorld {
  return {
    name: `latency x${factor}`,
    candidate: (random) => Math.log(factor) + DEVIATION * drawNormal(random),
    stable: (random) => DEVIATION * drawNormal(random),
    bound: (2 * LOG * DEVIATION ** 2) / (1 - SHARE) / Math.log(factor) ** 2,
    isBad: (value) => value > 1.6449 * DEVIATION,
    badShare: 0.05,
    ours: () => {
      const tests = QUANTILES.map(([share, deviations]) => {
        const hypothesis = { ratio: 1, points: 0 };
        const form = share <= 0.03 ? "poisson-tilt" : "projected-bernoulli";
        const design = harmDesign({ form, null: hypothesis, forecast: share });
        const evidence: LateEvidence = createLateEvidence(design, planStarts(HOUR));
        return { design, evidence, limit: deviations * DEVIATION };
      });
      return {
        take(candidate, stable, second) {
          for (const { design, evidence, limit } of tests) {
            evidence.add(
              Math.floor(second / 10),
              increments(
                design,
                blockOf(candidate, stable, (v) => v > limit),
              ),
            );
          }
          return combine(
            tests.map(({ evidence }) => evidence.log()),
            tests.map(() => 1),
          );
        },
      };
    },
  };
}

export const VALUES: readonly ValueWorld[] = [SENTIMENT, slower(1.2), slower(1.5)];

/** One rollout with the fault at the start; means and quantiles are judged by their own tests, the others count bad answers. */
export function runValues(name: string, seed: string, rollout: number): readonly ValueOutcome[] {
  const world = VALUES.find((one) => one.name === name);
  if (!world) throw new RangeError(`No world is called ${name}.`);
  const random = createSeededRandom(`${seed}/${name}/${rollout}`);
  const ours = world.ours();
  const sums = [noValues(), noValues()] as const;
  const asShare: World = { ...HEALTHY[0]!, forecast: world.badShare, limit: 1.6 * world.badShare };
  const course: Course = asShare.open(random);
  const judges: { readonly name: string; readonly judge: OnlineJudge; done: boolean }[] = INCUMBENTS.flatMap(
    (method) => {
      const judge = method.name.startsWith("GrowthBook") ? undefined : method.open(asShare, course);
      return judge ? [{ name: method.name, judge, done: false }] : [];
    },
  );
  const outcomes: ValueOutcome[] = [];
  let [answers, bad, tick, growthBook, own] = [0, 0, 0, false, false];
  const note = (method: string, end: Outcome["end"]) =>
    outcomes.push({ method, world: name, rollout, fault: 0, end, seconds: tick * TICK, answers, bad });
  while (!(own && growthBook && judges.every((one) => one.done)) && tick * TICK < HOUR / 2) {
    const candidate: number[] = [];
    const stable: number[] = [];
    for (let left = PER_TICK; left > 0; left--) {
      if (random.next() < SHARE) candidate.push(world.candidate(random));
      else stable.push(world.stable(random));
    }
    tick++;
    const block = blockOf(candidate, stable, world.isBad);
    answers += block.n1;
    bad += block.k1;
    if (!own && ours.take(candidate, stable, tick * TICK - 1e-6) >= LOG) {
      own = true;
      note("ours, default", "decided");
    }
    addValues(sums[0], candidate);
    addValues(sums[1], stable);
    if (!growthBook && tick % 50 === 0 && sums[0].n > 1 && isHarmful(sums[0], sums[1], ALPHA)) {
      growthBook = true;
      note("GrowthBook, each second", "decided");
    }
    for (const one of judges) {
      if (one.done || !one.judge.take(block, tick * TICK)) continue;
      one.done = true;
      note(one.name, "decided");
    }
  }
  if (!own) note("ours, default", "never");
  if (!growthBook) note("GrowthBook, each second", "never");
  for (const one of judges) if (!one.done) note(one.name, "never");
  return outcomes;
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
