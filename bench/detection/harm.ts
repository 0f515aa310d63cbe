import { createSeededRandom } from "../../src/simulation/random.ts";
import type { OnlineJudge } from "../../src/statistics/incumbents/online-judge.ts";
import { informationBound } from "../../src/statistics/information-bound.ts";
import { INCUMBENTS, type Method, OURS, oracle } from "./methods.ts";
import { createStream } from "./stream.ts";
import { ALPHA, type Harm, HOUR } from "./worlds.ts";

/** What one method did in one rollout. */
export interface Outcome {
  readonly method: string;
  readonly world: string;
  readonly rollout: number;
  /** The second in which the fault began; Infinity where there was none. */
  readonly fault: number;
  /** `early`: it went back before there was a fault. `never`: not within the hour after it. */
  readonly end: "decided" | "early" | "never";
  /** From the fault to the decision, or to the end. */
  readonly seconds: number;
  readonly answers: number;
  readonly bad: number;
}

/** The mean of bad answers that no test of this error probability can undercut. */
export function boundOf({ p1, p0, share, null: { ratio, points } }: Harm): number {
  return p1 * informationBound({ p1, p0, share, ratio, points, alpha: ALPHA });
}

interface Running {
  readonly method: Method;
  readonly judge: OnlineJudge;
  done: boolean;
}

/** One rollout: every method sees the same ticks. */
export function runHarm(world: Harm, seed: string, rollout: number, methods: readonly Method[]): readonly Outcome[] {
  const random = createSeededRandom(`${seed}/${world.name}/${rollout}`);
  const course = world.open(random);
  const { fault } = course;
  const stream = createStream(random, course);
  const running: Running[] = methods.flatMap((method) => {
    const judge = method.open(world, course);
    return judge ? [{ method, judge, done: false }] : [];
  });
  const outcomes: Outcome[] = [];
  let [answers, bad] = [0, 0];
  const note = (one: Running, end: Outcome["end"]) => {
    one.done = true;
    const seconds = Math.max(0, stream.at - fault);
    outcomes.push({ method: one.method.name, world: world.name, rollout, fault, end, seconds, answers, bad });
  };
  while (running.some((one) => !one.done) && stream.at < fault + HOUR) {
    const whole = Math.abs(stream.at - Math.round(stream.at)) < 1e-6;
    const listening = running.some((one) => !one.done && one.method.fine);
    stream.next(whole && (stream.at + 1 <= fault || !listening) ? 1 : world.tick);
    if (stream.at > fault) {
      answers += stream.units.n1;
      bad += stream.units.k1;
    }
    for (const one of running) {
      if (!one.done && one.judge.take(stream.units, stream.at)) note(one, stream.at > fault ? "decided" : "early");
    }
  }
  for (const one of running) if (!one.done) note(one, "never");
  return outcomes;
}

export function methodsFor(world: Harm): readonly Method[] {
  return [...OURS, ...INCUMBENTS, oracle(world.p1, world.p0)];
}
