// Outcomes that applications report without `labels`, those of one arm later than those of the other: the counter and the
// evaluator together, on what a slow candidate, a batch job or a person's click look like.
import assert from "node:assert/strict";
import { digestOf } from "../src/core/digest.ts";
import type { Signal } from "../src/core/playbook.ts";
import type { Verdict } from "../src/core/verdict.ts";
import { createSeededRandom } from "../src/simulation/random.ts";
import { createCounter } from "../src/traffic/attribution/counter.ts";
import { createEvaluator } from "../src/watch/evaluator.ts";

const [CANDIDATE, STABLE] = [digestOf("candidate"), digestOf("stable")];
const LOSSES: Signal = {
  name: "losses",
  kind: "share",
  part: "lost",
  of: "answers",
  from: "events",
  better: "down",
};
const START = 1_700_000_000_000;
const TICK = 100;
/** `canary: [5, 25, 50]`, `each: 15s`. */
const STEPS = [
  [0, 0.05],
  [15, 0.25],
  [30, 0.5],
] as const;

export interface World {
  readonly seed: string;
  readonly perSecond?: number;
  readonly seconds?: number;
  readonly ratio?: number;
  /** From which second on the candidate has which share. */
  readonly steps?: readonly (readonly [second: number, share: number])[];
  /** Was the outcome bad, and after how many seconds is it reported? */
  readonly outcome: (
    candidate: boolean,
    chance: () => number,
    second: number,
  ) => { readonly bad: boolean; readonly after: number };
}

interface Told {
  /** In seconds after the exposure. */
  readonly harmful: number | undefined;
  readonly healthy: number | undefined;
  readonly last: Verdict;
}

export function play({ seed, perSecond = 200, seconds = 90, ratio = 1.2, steps = STEPS, outcome }: World): Told {
  const random = createSeededRandom(seed);
  const chance = () => random.next();
  let now = START;
  const counter = createCounter({
    signals: [LOSSES],
    node: "edge",
    clock: { now: () => now, sleep: () => assert.fail("it waits for nothing") },
    requestKey: new Uint8Array(32),
  });
  for (const release of [CANDIDATE, STABLE]) counter.know(release);
  const evaluator = createEvaluator({
    rules: [
      {
        name: "losses",
        signal: LOSSES,
        claim: "more losses",
        test: "share",
        badIs: "part",
        null: { ratio, points: 0 },
      },
    ],
    hardLimits: [],
    alpha: 0.01,
    beta: 0.05,
    candidate: CANDIDATE,
    reference: STABLE,
    from: START,
    horizon: 180_000,
    frozen: [{ signal: "losses", n: 20_000, k: 400 }],
    blindMs: 900_000,
  });
  const due = new Map<number, (readonly [second: number, candidate: boolean, bad: boolean])[]>();
  let key = 0;
  let healthy: number | undefined;
  for (let tick = 0; tick < (1000 * seconds) / TICK; tick++) {
    now = START + tick * TICK;
    const second = Math.floor((tick * TICK) / 1000);
    const share = steps.findLast(([since]) => second >= since)?.[1] ?? 0;
    for (let index = 0; index < (perSecond * TICK) / 1000; index++) {
      const candidate = chance() < share;
      const { bad, after } = outcome(candidate, chance, second);
      const at = tick + Math.max(1, Math.round((1000 * after) / TICK));
      due.set(at, [...(due.get(at) ?? []), [second, candidate, bad]]);
    }
    for (const [of, candidate, bad] of due.get(tick) ?? [])
      counter.reportArm({
        release: candidate ? CANDIDATE : STABLE,
        second: START / 1000 + of,
        key: `outcome-${key++}`,
        counts: { answers: 1, lost: bad ? 1 : 0 },
      });
    due.delete(tick);
    evaluator.observe(counter.drain());
    const verdict = evaluator.judge(now);
    const after = (now - START) / 1000;
    if (verdict.kind === "healthy") healthy ??= after;
    if (verdict.kind === "harmful") return { harmful: after, healthy, last: verdict };
  }
  return { harmful: undefined, healthy, last: evaluator.judge(now) };
}

const at = (seconds: number, chance: () => number) => seconds * (0.8 + 0.4 * chance());
/** Stable's come at once. */
export const after = (candidate: boolean, seconds: number, chance: () => number) =>
  at(candidate ? seconds : 0.2, chance);
