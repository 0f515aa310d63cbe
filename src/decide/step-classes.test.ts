import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { digestOf } from "../core/digest.ts";
import type { Step } from "../core/plan.ts";
import type { Undo } from "../core/playbook.ts";
import { inClasses } from "./step-classes.ts";

const aStep = (id: string, undo: Undo, after: readonly string[] = []): Step => {
  return { id, component: id, at: `sim:${id}`, desired: digestOf(id), label: id, undo, after };
};
const ties = (steps: readonly Step[]) => Object.fromEntries(steps.map(({ id, after }) => [id, after]));

describe("the classes of steps", () => {
  const steps = [
    aStep("late", "retriable"),
    aStep("point", "pivot"),
    aStep("a", "compensatable"),
    aStep("b", "compensatable"),
  ];

  it("go out in order: what can be taken back, the point of no return, what can only go on", () => {
    assert.deepEqual(ties(inClasses("release", steps)), {
      late: ["point", "a", "b"],
      point: ["a", "b"],
      a: [],
      b: [],
    });
  });

  it("hold up nothing on the way back but what is past undoing", () => {
    assert.deepEqual(ties(inClasses("rollback", steps)), { late: ["point"], point: ["a", "b"], a: [], b: [] });
    assert.deepEqual(ties(inClasses("rollback", [aStep("late", "retriable"), aStep("a", "compensatable")])), {
      late: [],
      a: [],
    });
  });

  it("give way to the components' own ties", () => {
    const tied = [aStep("point", "pivot"), aStep("a", "compensatable", ["point"]), aStep("b", "compensatable")];
    assert.deepEqual(ties(inClasses("release", tied)), { point: ["b"], a: ["point"], b: [] });
  });

  it("never make steps wait for each other", () => {
    const undo = fc.constantFrom<Undo>("compensatable", "pivot", "retriable", "irreversible");
    const drawn = fc.array(fc.tuple(undo, fc.nat()), { minLength: 1, maxLength: 7 }).map((all) =>
      all.map(([way, bits], index) =>
        aStep(
          `s${index}`,
          way,
          all.slice(0, index).flatMap((_, earlier) => ((bits >> earlier) & 1 ? [`s${earlier}`] : [])),
        ),
      ),
    );
    fc.assert(
      fc.property(drawn, fc.constantFrom("release", "rollback"), (all, kind) => {
        const left = new Map(
          inClasses(kind, fc.sample(fc.shuffledSubarray(all, { minLength: all.length }), 1)[0]!).map((step) => [
            step.id,
            step,
          ]),
        );
        while (left.size > 0) {
          const free = [...left.values()].filter(({ after }) => !after.some((id) => left.has(id)));
          assert.ok(free.length > 0, "a circle");
          for (const { id } of free) left.delete(id);
        }
      }),
      { numRuns: 300 },
    );
  });
});
