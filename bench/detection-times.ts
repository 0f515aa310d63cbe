// What a claim about a time costs at five quantiles and at one: `npm run bench -- detection-times [--full] [--json]`.
import type { Signal, Trigger } from "../src/core/playbook.ts";
import type { Random } from "../src/core/ports.ts";
import { createSeededRandom } from "../src/simulation/random.ts";
import { createValueJudge } from "./detection/value-judge.ts";
import { ALPHA } from "./detection/worlds.ts";
import type { BenchResult } from "./result.ts";

/** ln of a time: deviation .8 around 0; 1,000 answers a second, 5 % of the candidate. */
const DEVIATION = 0.8;
const SHARE = 0.05;
const [PER_TICK, TICK] = [20, 0.02];
const LONGEST = 600;
const SEEN = 20_000;
const MARGIN = 0.01;
/** Healthy rollouts: both arms alike for so many seconds, judged every second. */
const HEALTHY_SECONDS = 120;
/** Odds at which healthy ones are counted as well, since at the threshold itself there are hardly any to count. */
const ODDS = [20, 100, 1 / ALPHA];

const SIGNAL: Signal = {
  name: "latency",
  kind: "time",
  part: "seconds",
  of: "answers",
  from: "events",
  better: "down",
};
const slows = (quantile?: number): Trigger => {
  return {
    kind: "slows",
    name: "slow",
    signal: "latency",
    by: MARGIN,
    ...(quantile === undefined ? {} : { quantile }),
  };
};
const CLAIMS = { "five quantiles": slows(), "p95 alone": slows(0.95) } as const;

/** A part of the candidate's answers takes so many times as long. */
interface Fault {
  readonly factor: number;
  readonly part: number;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  "x1.2": { factor: 1.2, part: 1 },
  "x1.5": { factor: 1.5, part: 1 },
  x2: { factor: 2, part: 1 },
  "2 % of answers x8": { factor: 8, part: 0.02 },
};
const HEALTHY: Fault = { factor: 1, part: 0 };

/** Box and Muller. */
function drawNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log1p(-random.next())) * Math.cos(2 * Math.PI * random.next());
}

function drawTime(random: Random, { factor, part }: Fault): number {
  const isHit = part === 1 || (part > 0 && random.next() < part);
  return (isHit ? factor : 1) * Math.exp(DEVIATION * drawNormal(random));
}

/** So many answers of both sides. */
function draw(random: Random, count: number, fault: Fault): readonly [candidate: number[], stable: number[]] {
  const [candidate, stable]: [number[], number[]] = [[], []];
  for (let left = count; left > 0; left--) {
    if (random.next() < SHARE) candidate.push(drawTime(random, fault));
    else stable.push(drawTime(random, HEALTHY));
  }
  return [candidate, stable];
}

const STEP = 1e-3;

/**
 * Answers of the candidate that no test can undercut on average, also one that knows both distributions but not which arm is
 * which: ln(1/alpha) over the least divergence from one that both arms share, of the candidate's and of the stable answers
 * beside it.
 */
function boundOf({ factor, part }: Fault): number {
  const density = (x: number, middle: number) =>
    Math.exp(-((x - middle) ** 2) / 2 / DEVIATION ** 2) / DEVIATION / Math.sqrt(2 * Math.PI);
  const relative = (p: number, q: number) => (p > 0 ? p * Math.log(p / q) : 0);
  let divergence = 0;
  for (let x = -8; x < 12; x += STEP) {
    const stable = density(x, 0);
    const candidate = (1 - part) * stable + part * density(x, Math.log(factor));
    const both = SHARE * candidate + (1 - SHARE) * stable;
    divergence += STEP * (relative(candidate, both) + ((1 - SHARE) / SHARE) * relative(stable, both));
  }
  return -Math.log(ALPHA) / divergence;
}

function judgesOf(seed: string): Map<string, ReturnType<typeof createValueJudge>> {
  const past = createSeededRandom(`${seed}/before`);
  const seen = Array.from({ length: SEEN }, () => drawTime(past, HEALTHY));
  return new Map(
    Object.entries(CLAIMS).map(([name, trigger]) => [name, createValueJudge({ signal: SIGNAL, trigger }, seen)]),
  );
}

/** Answers of the candidate until each claim goes back; one that never does counts with all of them. */
function answersUntil(fault: Fault, seed: string): Readonly<Record<string, number>> {
  const random = createSeededRandom(seed);
  const waiting = judgesOf(seed);
  const found: Record<string, number> = {};
  let answers = 0;
  for (let tick = 1; waiting.size > 0 && tick * TICK <= LONGEST; tick++) {
    const [candidate, stable] = draw(random, PER_TICK, fault);
    answers += candidate.length;
    for (const [name, judge] of waiting) if (judge.take(candidate, stable, tick * TICK)) waiting.delete(name);
    for (const name of Object.keys(CLAIMS)) if (waiting.has(name) || !(name in found)) found[name] = answers;
  }
  return found;
}

/** The greatest odds that each claim reaches on a healthy candidate. */
function oddsOf(seed: string): Readonly<Record<string, number>> {
  const random = createSeededRandom(seed);
  const judges = judgesOf(seed);
  const greatest: Record<string, number> = {};
  for (let second = 1; second <= HEALTHY_SECONDS; second++) {
    const [candidate, stable] = draw(random, PER_TICK / TICK, HEALTHY);
    for (const [name, judge] of judges) {
      const { logEvidence } = judge.judge(candidate, stable, second);
      greatest[name] = Math.max(greatest[name] ?? 0, Math.exp(logEvidence));
    }
  }
  return greatest;
}

export async function benchDetectionTimes(args: readonly string[]): Promise<BenchResult> {
  const full = args.includes("--full");
  const [rollouts, healthy] = full ? [300, 2000] : [20, 20];
  const names = Object.keys(CLAIMS);
  const ratios: Record<string, number> = {};
  const faults = Object.entries(FAULTS).map(([fault, truth]) => {
    const found = Array.from({ length: rollouts }, (_, rollout) => answersUntil(truth, `times/${fault}/${rollout}`));
    const bound = boundOf(truth);
    const figures: Record<string, number> = { bound };
    for (const name of names) {
      const all = found.map((one) => one[name]!);
      const mean = all.reduce((sum, one) => sum + one, 0) / rollouts;
      const spread = Math.sqrt(all.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (rollouts - 1) / rollouts);
      figures[name] = mean;
      figures[`± ${name}`] = spread;
      ratios[`${fault}: ${name} over the bound`] = mean / bound;
    }
    return { subject: `${fault}, answers`, figures };
  });
  const sound = Array.from({ length: healthy }, (_, rollout) => oddsOf(`times/healthy/${rollout}`));
  const alarms = names.map((name) => ({
    subject: `healthy, ${name}`,
    figures: Object.fromEntries([
      ["rollouts", healthy],
      ...ODDS.map((odds) => [`${odds} to 1`, sound.filter((one) => one[name]! >= odds).length] as const),
    ]),
  }));
  const method = `${rollouts} rollouts of each fault from the first answer on, judged every 20 ms; lognormal times (deviation ${DEVIATION}), 5 % of 1,000 answers a second, alpha ${ALPHA}, \`slows, by: 1%\` after ${SEEN.toLocaleString("en")} answers of stable; healthy: ${healthy} rollouts of ${HEALTHY_SECONDS} s, how many ever reach such odds`;
  return { name: "detection-times", method, rows: [...faults, ...alarms], ratios };
}
