import { createSeededRandom } from "../../src/simulation/random.ts";
import { oracleDesign } from "../../src/statistics/incumbents/oracle.ts";
import { advanceDrift, type Design, driftDesign, increments, startRecursion } from "../../src/statistics/index.ts";
import { createBinomialDraws } from "./draws.ts";
import { meanOf } from "./summary.ts";

const P0 = 0.005;
const PER_SECOND = 100;
/** Thirty days of seconds. */
const BETWEEN = 30 * 86_400;
const SHORT = 3600;
const HEALTHY_BEFORE = 900;
const RATES = [0.0065, 0.008, 0.013, 0.02, 0.05];
const NULL = { ratio: 0, points: P0 };

export interface DriftFigures {
  /** Mean delay of the watch over that of a Shiryaev-Roberts detector which is tuned to the true rate, by that rate. */
  readonly delays: Readonly<Record<string, number>>;
  /** Seconds until a false alarm on average, over those that were promised. */
  readonly between: number;
}

/** The endless watch of one arm against a known rate, 100 answers a second, 30 days between false alarms. */
export function driftDelays(seed: string, rollouts: number): DriftFigures {
  const design = driftDesign({ form: "poisson-tilt", null: NULL, forecast: P0 });
  const delays = RATES.map((rate) => {
    const tuned = oracleDesign(NULL, rate, P0);
    const found = Array.from({ length: rollouts }, (_, rollout) => {
      const name = `${seed}/drift/${rate}/${rollout}`;
      return [delayOf(design, name, rate), delayOf(tuned, name, rate)] as const;
    });
    return [`${rate * 100} %`, meanOf(found.map(([ours]) => ours)) / meanOf(found.map(([, best]) => best))];
  });
  const runs = Array.from({ length: rollouts }, (_, rollout) => untilAlarm(design, `${seed}/healthy/${rollout}`));
  return { delays: Object.fromEntries(delays), between: meanOf(runs) / SHORT };
}

function delayOf(design: Design, name: string, rate: number): number {
  const random = createSeededRandom(name);
  const draw = createBinomialDraws();
  const factors = factorsOf(design);
  let state = startRecursion(design);
  for (let second = 0; ; second++) {
    const k1 = draw(random, PER_SECOND, second < HEALTHY_BEFORE ? P0 : rate);
    state = advanceDrift(state, design, factors(k1));
    if (second >= HEALTHY_BEFORE && sumOf(state.logR) >= BETWEEN) return second + 1 - HEALTHY_BEFORE;
  }
}

/** With a short promise, since thirty days cannot be waited for often. */
function untilAlarm(design: Design, name: string): number {
  const random = createSeededRandom(name);
  const draw = createBinomialDraws();
  const factors = factorsOf(design);
  let state = startRecursion(design);
  for (let second = 1; ; second++) {
    state = advanceDrift(state, design, factors(draw(random, PER_SECOND, P0)));
    if (sumOf(state.logR) >= SHORT || second >= 50 * SHORT) return second;
  }
}

function factorsOf(design: Design): (k1: number) => Float64Array {
  const kept: (Float64Array | undefined)[] = [];
  return (k1) => {
    kept[k1] ??= increments(design, { n1: PER_SECOND, k1, n0: 0, k0: 0 });
    return kept[k1];
  };
}

function sumOf(logs: readonly number[]): number {
  let sum = 0;
  for (const log of logs) sum += Math.exp(log);
  return sum;
}
