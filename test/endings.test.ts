// How long a request takes may depend on how it ends: it hangs until a time-out, or an error comes at once where an answer
// takes seconds. The gateway's counter and the evaluator together, on what such requests look like.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../src/core/digest.ts";
import type { Signal } from "../src/core/playbook.ts";
import { createSeededRandom } from "../src/simulation/random.ts";
import { runs } from "../src/testing/runs.fixture.ts";
import { createCounter, type Ending } from "../src/traffic/attribution/counter.ts";
import { createEvaluator } from "../src/watch/evaluator.ts";

const [CANDIDATE, STABLE] = [digestOf("candidate"), digestOf("stable")];
const ERRORS: Signal = {
  name: "errors",
  kind: "share",
  part: "failed",
  of: "requests",
  from: "gateway",
  better: "down",
};
const START = 1_700_000_000_000;
const TICK = 50;
const EXPOSED = 30;

interface World {
  readonly seed: string;
  readonly perSecond: number;
  readonly seconds: number;
  /** From which second on the candidate has which share. */
  readonly steps: readonly (readonly [second: number, share: number])[];
  readonly hardLimits?: Parameters<typeof createEvaluator>[0]["hardLimits"];
  /** Is the counter told that a share has changed? Every gateway tells it. */
  readonly told?: boolean;
  readonly request: (
    candidate: boolean,
    chance: () => number,
  ) => { readonly failed: boolean; readonly seconds: number };
}

/** When the candidate is proved harmful, in seconds after its exposure; undefined for never. */
function harmfulAfter({
  seed,
  perSecond,
  seconds,
  steps,
  hardLimits = [],
  told = true,
  request,
}: World): number | undefined {
  const random = createSeededRandom(seed);
  const chance = () => random.next();
  let now = START;
  const counter = createCounter({
    signals: [ERRORS],
    node: "edge",
    clock: { now: () => now, sleep: () => assert.fail("it waits for nothing") },
    requestKey: new Uint8Array(32),
  });
  for (const release of [CANDIDATE, STABLE]) counter.know(release);
  const evaluator = createEvaluator({
    rules: [
      {
        name: "errors",
        signal: ERRORS,
        claim: "more errors",
        test: "share",
        badIs: "part",
        null: { ratio: 1.2, points: 0 },
      },
    ],
    hardLimits,
    alpha: 0.05,
    beta: 0.05,
    candidate: CANDIDATE,
    reference: STABLE,
    from: START + 1000 * EXPOSED,
    horizon: 600_000,
    frozen: [{ signal: "errors", n: 20_000, k: 400 }],
    blindMs: 60_000,
  });
  const ends = new Map<number, [second: number, candidate: boolean, ending: Ending][]>();
  let share = 0;
  for (let tick = 0; tick < (1000 * seconds) / TICK; tick++) {
    now = START + tick * TICK;
    const planned = steps.findLast(([second]) => tick * TICK >= 1000 * (EXPOSED + second))?.[1] ?? 0;
    if (planned !== share && told) counter.endStretch();
    share = planned;
    for (let index = 0; index < (perSecond * TICK) / 1000; index++) {
      const candidate = chance() < share;
      const { failed, seconds: took } = request(candidate, chance);
      const end = tick + Math.max(1, Math.round((1000 * took) / TICK));
      ends.set(end, [
        ...(ends.get(end) ?? []),
        [Math.floor(now / 1000), candidate, { failed, cancelled: false, seconds: took }],
      ]);
    }
    for (const [second, candidate, ending] of ends.get(tick) ?? [])
      counter.count(second, candidate ? CANDIDATE : STABLE, ending, "user");
    ends.delete(tick);
    evaluator.observe(counter.drain());
    if (evaluator.judge(now).kind === "harmful") return (now - START) / 1000 - EXPOSED;
  }
  return undefined;
}

/** About 8 s, mostly between 3 and 20. */
const slow = (chance: () => number) => 8 * Math.exp(chance() + chance() + chance() - 1.5);
const RAMP = [
  [0, 0.01],
  [30, 0.05],
  [60, 0.25],
  [90, 0.5],
  [120, 0.05],
  [150, 0.5],
] as const;

describe("outcomes that are known the later the longer a request took", () => {
  it("a candidate that hangs until the time-out is found as soon as its first time-outs are over", () => {
    const found = harmfulAfter({
      seed: "hangs",
      perSecond: 200,
      seconds: 90,
      steps: [[0, 0.2]],
      request(candidate, chance) {
        const hangs = candidate && chance() < 0.6;
        return { failed: hangs || chance() < 0.02, seconds: hangs ? 30 : 0.1 + 0.4 * chance() };
      },
    });
    assert.ok(found !== undefined && found > 30 && found < 32, `after ${found} s`);
  });

  it("and by a hard limit too, though its share has grown since", () => {
    const limit = { name: "meltdown", signal: "errors", comparison: ">", limit: 0.2, over: 5000, min: 20 } as const;
    const found = harmfulAfter({
      seed: "hangs",
      perSecond: 200,
      seconds: 90,
      steps: [
        [0, 0.2],
        [4, 0.5],
        [8, 0.9],
      ],
      hardLimits: [{ limit, signal: ERRORS }],
      request(candidate, chance) {
        const hangs = candidate && chance() < 0.6;
        return { failed: hangs || chance() < 0.02, seconds: hangs ? 30 : 0.1 + 0.4 * chance() };
      },
    });
    assert.ok(found !== undefined && found > 30 && found < 34, `after ${found} s`);
  });

  it("in few of its requests, in steps shorter than the time-out, once those of the last step are over", () => {
    const found = harmfulAfter({
      seed: "hangs in few",
      perSecond: 200,
      seconds: 110,
      steps: [
        [0, 0.05],
        [15, 0.25],
        [30, 0.5],
      ],
      request(candidate, chance) {
        const hangs = candidate && chance() < 0.08;
        return { failed: hangs || chance() < 0.02, seconds: hangs ? 30 : 0.1 + 0.4 * chance() };
      },
    });
    assert.ok(found !== undefined && found > 60 && found < 70, `after ${found} s`);
  });

  it("a candidate whose errors come only a little later than its answers is found all the same", () => {
    const found = harmfulAfter({
      seed: "late",
      perSecond: 200,
      seconds: 60,
      steps: [[0, 0.2]],
      request(candidate, chance) {
        const failed = chance() < (candidate ? 0.6 : 0.02);
        return { failed, seconds: failed ? 3 : 0.2 };
      },
    });
    assert.ok(found !== undefined && found > 3 && found < 5, `after ${found} s`);
  });

  for (const [what, quickFails] of [
    ["errors come at once and answers take seconds", true],
    ["answers come at once and errors take seconds", false],
  ] as const) {
    const alarms = (told: boolean, count: number) =>
      Array.from({ length: count }, (_, run) =>
        harmfulAfter({
          seed: `${quickFails} ${run}`,
          perSecond: 200,
          seconds: 210,
          steps: RAMP,
          told,
          request(_candidate, chance) {
            const failed = chance() < 0.02;
            return { failed, seconds: failed === quickFails ? 0.05 : slow(chance) };
          },
        }),
      ).filter((after) => after !== undefined).length;

    it(`arms alike: ${what}, while the share goes up and down, and nobody is alarmed`, () => {
      // At most one of twenty by design; four times the standard error above that.
      const count = runs(36);
      assert.ok(alarms(true, count) <= 0.05 * count + 4 * Math.sqrt(0.05 * 0.95 * count));
    });

    it(`and if the changes of the share were ignored, there would be alarms: ${what}`, () => {
      assert.ok(alarms(false, 3) > 0);
    });
  }
});
