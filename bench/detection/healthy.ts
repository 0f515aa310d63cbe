import { createSeededRandom } from "../../src/simulation/random.ts";
import { exactUpperBound } from "../../src/statistics/exact-bound.ts";
import { INCUMBENTS } from "./methods.ts";
import { BETWEEN, calibratedThreshold, createDefault, designOf } from "./ours.ts";
import { createFactors, createScreen } from "./screen.ts";
import { createStream } from "./stream.ts";
import { ALPHA, HOUR, type World } from "./worlds.ts";

/** How often a method went back in a world without harm. */
export interface FalseAlarms {
  readonly method: string;
  readonly world: string;
  readonly rollouts: number;
  readonly alarms: number;
  /** Upper 95 % limit of the rate (Clopper and Pearson). */
  readonly atMost: number;
}

/** A rollout that went back without harm. */
export interface Alarm {
  readonly method: string;
  readonly world: string;
  readonly rollout: number;
}

export interface HealthyRequest {
  readonly world: World;
  readonly seed: string;
  /** Rollouts of ours are [from, to); the incumbents judge those below `incumbents`, the slow ones fewer. */
  readonly from: number;
  readonly to: number;
  readonly incumbents: number;
}

/** What came of a part of the rollouts. */
export interface HealthyPart {
  readonly alarms: readonly Alarm[];
  /** Of each method, how many rollouts it judged. */
  readonly judged: Readonly<Record<string, number>>;
}

/** Evidence this far below the threshold is judged again by the evaluator itself. */
const NEAR = 1 - 1e-4;

/** An hour of healthy rollouts: ours by the screen, then by the evaluator where it comes near; the others as they are. */
export function runHealthy({ world, seed, from, to, incumbents }: HealthyRequest): HealthyPart {
  const design = designOf(world);
  const factors = createFactors(design);
  const calibrated = calibratedThreshold(world);
  const limits = { late: NEAR / ALPHA, start: 1 / ALPHA, calibrated: Math.exp(calibrated ?? Infinity), drift: BETWEEN };
  const alarms: Alarm[] = [];
  const judged: Record<string, number> = {};
  const note = (method: string, rollout: number, alarm: boolean) => {
    judged[method] = (judged[method] ?? 0) + 1;
    if (alarm) alarms.push({ method, world: world.name, rollout });
  };
  for (let rollout = from; rollout < to; rollout++) {
    const name = `${seed}/${world.name}/${rollout}`;
    const open = () => {
      const random = createSeededRandom(name);
      return { random, course: world.open(random) };
    };
    const { random, course } = open();
    const stream = createStream(random, course);
    const counts = world.uncorrected === "outcomes" ? stream.outcomes : stream.units;
    const screen = createScreen(design, factors);
    const others =
      rollout < incumbents
        ? INCUMBENTS.flatMap((method) => {
            const judge = method.slow && rollout % 10 > 0 ? undefined : method.open(world, course);
            return judge ? [{ name: method.name, judge, alarm: false }] : [];
          })
        : [];
    let [late, start, drift] = [0, 0, 0];
    for (let second = 0; second < HOUR; second++) {
      stream.next(1);
      const evidence = screen.take(counts, second);
      if (evidence.late > late) late = evidence.late;
      if (evidence.start > start) start = evidence.start;
      if (evidence.drift > drift) drift = evidence.drift;
      for (const one of others) if (!one.alarm && one.judge.take(stream.outcomes, stream.at)) one.alarm = true;
    }
    note("ours, default", rollout, late >= limits.late && isDecided(world, open()));
    note("ours, start-only", rollout, start >= limits.start);
    if (calibrated !== undefined) note("ours, calibrated", rollout, start >= limits.calibrated);
    note("ours, drift", rollout, drift >= limits.drift);
    for (const one of others) note(one.name, rollout, one.alarm);
  }
  return { alarms, judged };
}

/** Does the product's evaluator go back in this rollout? */
function isDecided(
  world: World,
  { random, course }: { random: Parameters<typeof createStream>[0]; course: Parameters<typeof createStream>[1] },
): boolean {
  const stream = createStream(random, course);
  const counts = world.uncorrected === "outcomes" ? stream.outcomes : stream.units;
  const judge = createDefault(world);
  while (stream.at < HOUR) {
    stream.next(1);
    if (judge.take(counts, stream.at)) return true;
  }
  return false;
}

/** Puts parts of one world together. */
export function falseAlarmsOf(world: string, parts: readonly HealthyPart[]): readonly FalseAlarms[] {
  const methods = [...new Set(parts.flatMap((part) => Object.keys(part.judged)))];
  return methods.map((method) => {
    const rollouts = parts.reduce((sum, part) => sum + (part.judged[method] ?? 0), 0);
    const alarms = parts.reduce((sum, part) => sum + part.alarms.filter((one) => one.method === method).length, 0);
    return { method, world, rollouts, alarms, atMost: exactUpperBound(rollouts, alarms, 0.05) };
  });
}
