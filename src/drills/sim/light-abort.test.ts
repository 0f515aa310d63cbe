import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LightAbortController } from "./light-abort.ts";

type Act = { readonly kind: "add" | "remove"; readonly listener: number } | { readonly kind: "abort" };

/** Which listeners are called, in which order, and what the signal says then. */
function lived(controller: AbortController, acts: readonly Act[]) {
  const called: number[] = [];
  const listeners = [0, 1, 2, 3].map((number) => () => {
    called.push(number);
    // One that is not called any more because another took it away.
    if (number === 1) controller.signal.removeEventListener("abort", listeners[2]!);
  });
  for (const act of acts) {
    if (act.kind === "abort") controller.abort("over");
    else if (act.kind === "add") controller.signal.addEventListener("abort", listeners[act.listener]!, { once: true });
    else controller.signal.removeEventListener("abort", listeners[act.listener]!);
  }
  const { aborted, reason } = controller.signal;
  return { called, aborted, reason };
}

describe("the abort signal of seeded worlds", () => {
  it("does what that of the platform does", () => {
    const listener = fc.integer({ min: 0, max: 3 });
    const act: fc.Arbitrary<Act> = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant("add" as const), listener }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), listener }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort" as const) }) },
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 12 }), (acts) => {
        const light = new LightAbortController() as unknown as AbortController;
        assert.deepEqual(lived(light, acts), lived(new AbortController(), acts));
      }),
    );
  });
});
