// What the default weights of the harm design reach: `node bench/detection-weights.ts [--json]`, under a minute.
import type { Random } from "../src/core/ports.ts";
import { createSeededRandom } from "../src/simulation/random.ts";
import { calibrate } from "../src/statistics/calibration.ts";
import { type Design, harmDesign } from "../src/statistics/design.ts";
import { informationBound } from "../src/statistics/information-bound.ts";
import { planStarts, startShares } from "../src/statistics/late-evidence.ts";
import { stoppingBoundary, stoppingLaw, trialsOf } from "../src/statistics/stopping.ts";
import type { BenchResult } from "./result.ts";

/** 1,000 requests a second, decided every 100 ms, as DESIGN §7 has it. */
const WORLD = { perSecond: 1000, share: 0.05, p0: 0.005, alpha: 0.001, tick: 0.1, horizon: 3600 } as const;
const START_EFFECTS = [1.5, 1.75, 2, 2.6, 3, 4, 5, 6, 8, 10];
const LATE_EFFECTS = [2.6, 4, 10];
const HOURS = 400;
const FAULTS_PER_HOUR = 30;

const design = harmDesign({ form: "poisson-tilt", null: { ratio: 1, points: 0 }, forecast: WORLD.p0 });

/** The information bound on the mean number of bad answers. */
function boundOf(effect: number): number {
  const { p0, share, alpha } = WORLD;
  return effect * p0 * informationBound({ p1: effect * p0, p0, share, ratio: 1, points: 0, alpha });
}

/** Exactly, decided at every bad answer: the mean of bad answers over the bound, worst over the effects. */
function startOnly(logThreshold: number): Record<string, number> {
  const walk = trialsOf(design, WORLD.share);
  const boundary = stoppingBoundary(walk, logThreshold, 20_000);
  const u = WORLD.share / (1 - WORLD.share);
  return Object.fromEntries(
    START_EFFECTS.map((effect) => {
      const law = stoppingLaw(boundary, (u * effect) / (1 + u * effect));
      return [`x${effect}`, law.meanSuccesses / boundOf(effect)];
    }),
  );
}

/** The default recursion on a stream of single bad outcomes: what it knows at `time`. */
interface Walker {
  readonly time: number;
  readonly evidence: Float64Array;
  readonly interval: number;
}

function factors(of: Design): { readonly bad: Float64Array; readonly other: Float64Array } {
  const { gain, cost } = trialsOf(of, WORLD.share);
  return {
    bad: Float64Array.from(gain, (value, j) => Math.exp(value - cost[j]!)),
    other: Float64Array.from(cost, (value) => Math.exp(-value)),
  };
}

const { bad, other } = factors(design);
const plan = planStarts(WORLD.horizon);
const width = WORLD.horizon / plan.intervals;
const share = startShares(plan);
const starts = Array.from({ length: plan.intervals }, (_, interval) =>
  Float64Array.from(design.alternatives, (one) => {
    const part = interval === 0 ? one.weight : interval % plan.perMark === 0 ? one.atMarks : one.between;
    return part * share(interval);
  }),
);

const FRESH: Walker = { time: 0, evidence: starts[0]!, interval: 0 };

/** Walks on from `from` at an effect until `until`, or until the alarm; answers the bad candidate answers on the way. */
function walk(random: Random, from: Walker, effect: number, until: number) {
  const candidate = WORLD.perSecond * WORLD.share * WORLD.p0 * effect;
  const rate = candidate + WORLD.perSecond * (1 - WORLD.share) * WORLD.p0;
  const evidence = from.evidence.slice();
  let { time, interval } = from;
  let badAnswers = 0;
  let look = (Math.floor(time / WORLD.tick + 1e-9) + 1) * WORLD.tick;
  const startUpTo = (moment: number) => {
    for (; interval + 1 < plan.intervals && (interval + 1) * width <= moment; interval++) {
      for (let j = 0; j < evidence.length; j++) evidence[j]! += starts[interval + 1]![j]!;
    }
  };
  for (;;) {
    const next = time - Math.log(1 - random.next()) / rate;
    for (; look <= Math.min(next, until); look += WORLD.tick) {
      if (sum(evidence) >= 1 / WORLD.alpha) return { badAnswers, alarm: true, end: FRESH };
    }
    startUpTo(Math.min(next, until));
    if (next > until) return { badAnswers, alarm: false, end: { time: until, evidence, interval } };
    time = next;
    const isCandidate = random.next() * rate < candidate;
    if (isCandidate) badAnswers++;
    const by = isCandidate ? bad : other;
    for (let j = 0; j < evidence.length; j++) evidence[j]! *= by[j]!;
  }
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Mean bad answers over the bound: a fault at the start, at whole minutes, and at any moment of the hour. */
function lateFaults(kind: "start" | "minutes" | "moments"): Record<string, number> {
  const random = createSeededRandom(`detection-weights ${kind}`);
  const totals = LATE_EFFECTS.map(() => 0);
  const moments = () =>
    kind === "start" ? 0 : kind === "minutes" ? 60 * (1 + Math.floor(random.next() * 54)) : 60 + random.next() * 3240;
  for (let hour = 0; hour < HOURS; hour++) {
    let healthy: Walker = FRESH;
    for (const moment of Array.from({ length: FAULTS_PER_HOUR }, moments).sort((a, b) => a - b)) {
      if (moment > healthy.time) healthy = walk(random, healthy, 1, moment).end;
      LATE_EFFECTS.forEach((effect, index) => {
        totals[index]! += walk(random, healthy, effect, 1e9).badAnswers;
      });
    }
  }
  return Object.fromEntries(
    LATE_EFFECTS.map((effect, i) => [`x${effect}`, totals[i]! / (HOURS * FAULTS_PER_HOUR) / boundOf(effect)]),
  );
}

/** Rollouts of an hour in a hundred thousand that are healthy and yet rolled back. */
function falseAlarms(rollouts: number): number {
  const random = createSeededRandom("detection-weights healthy");
  let alarms = 0;
  for (let run = 0; run < rollouts; run++) if (walk(random, FRESH, 1, WORLD.horizon).alarm) alarms++;
  return (alarms / rollouts) * 1e5;
}

export async function benchDetectionWeights(): Promise<BenchResult> {
  const ville = Math.log(1 / WORLD.alpha);
  const calibrated = calibrate({ design, share: WORLD.share, alpha: WORLD.alpha, trials: 18_000 });
  const rows = [
    { subject: "start-only (exact)", figures: startOnly(ville) },
    { subject: "calibrated (exact)", figures: startOnly(calibrated.logThreshold) },
    { subject: "default, without later starts", figures: startOnly(ville - Math.log(share(0))) },
    { subject: "default, fault at the start", figures: lateFaults("start") },
    { subject: "default, at whole minutes", figures: lateFaults("minutes") },
    { subject: "default, at any moment", figures: lateFaults("moments") },
    { subject: "healthy hours of 100,000", figures: { "rolled back": falseAlarms(4000) } },
  ];
  const worst = (index: number) => Math.max(...Object.values(rows[index]!.figures));
  return {
    name: "detection-weights",
    method: "bad answers until the decision over the information bound; 5 % canary, baseline 0.5 %, alpha 0.001",
    rows,
    ratios: {
      "start-only, worst of 1.5 to 10 times (bar 1.22)": worst(0),
      "calibrated, worst (bar 1.17)": worst(1),
      "fault at the start, worst (bar 1.30)": worst(2),
      "calibrated risk": calibrated.risk,
    },
  };
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(await benchDetectionWeights(), null, 2)}\n`);
