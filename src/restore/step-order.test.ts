import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Step } from "../core/plan.ts";
import { runSaga } from "./saga-runner.ts";
import { aPlannedStep, aSaga, createWorld } from "./world.fixture.ts";

const QUICK = { attempts: 3, callMs: 1000, pauseMs: 100 };

/** Steps each of which waits for some before it, as plans are ordered; and which of their targets is how slow, or dead. */
const drawn = fc
  .array(fc.record({ bits: fc.nat(127), mood: fc.constantFrom<number | "dead">(0, 0, 0, 300, 900, "dead") }), {
    minLength: 1,
    maxLength: 7,
  })
  .map((all) =>
    all.map(({ bits, mood }, index) => {
      const after = all.slice(0, index).flatMap((_, earlier) => ((bits >> earlier) & 1 ? [`s${earlier}`] : []));
      return { step: aPlannedStep(`s${index}`, after), mood };
    }),
  );

/** When each step was done, by what the whole log says, and the order in which targets were first asked. */
async function played(steps: readonly Step[], moodOf: (at: string) => number | "dead") {
  const world = createWorld();
  world.target.onRead = async (at) => (moodOf(at) === "dead" ? { kind: "unreachable", reason: "no route" } : undefined);
  world.target.onApply = async ({ at }, signal) => {
    const mood = moodOf(at);
    if (typeof mood === "number") await world.clock.sleep(mood, signal);
    return undefined;
  };
  const done = new Map<string, number>();
  const onStep = ({ step, status }: { step: string; status: string }) =>
    void (status === "done" && done.set(step, world.clock.now()));
  await world.clock.run(runSaga(world.ports({ onStep }), aSaga(steps), await world.lease(), QUICK));
  const asked = world.log.flatMap((line) => /^read (.+)$/.exec(line)?.[1] ?? []);
  return { done, asked: [...new Set(asked)], first: world.log.filter((line) => line.startsWith("read")) };
}

describe("steps without a tie", () => {
  it("begin in the order of the plan, all in the same moment", async () => {
    await fc.assert(
      fc.asyncProperty(drawn, async (all) => {
        const steps = all.map(({ step }) => step);
        const free = steps.filter(({ after }) => after.length === 0).map(({ id }) => id);
        const { asked, first } = await played(steps, () => 300);
        assert.deepEqual(asked.slice(0, free.length), free);
        assert.deepEqual(
          first.slice(0, free.length),
          free.map((id) => `read ${id}`),
          "none is asked twice before all were asked",
        );
      }),
      { numRuns: 60 },
    );
  });

  it("are never delayed by what is slow or dead: each is done as if only those it waits for were there", async () => {
    await fc.assert(
      fc.asyncProperty(drawn, async (all) => {
        const steps = all.map(({ step }) => step);
        const moodOf = (at: string) => all.find(({ step }) => step.at === at)!.mood;
        const { done } = await played(steps, moodOf);
        const need = (step: Step): readonly Step[] => [
          ...new Set([step, ...steps.filter(({ id }) => step.after.includes(id)).flatMap(need)]),
        ];
        for (const step of steps) {
          const alone = steps.filter((one) => need(step).includes(one));
          assert.equal(done.get(step.id), (await played(alone, moodOf)).done.get(step.id), step.id);
        }
      }),
      { numRuns: 60 },
    );
  });
});
