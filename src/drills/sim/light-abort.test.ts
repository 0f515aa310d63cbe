import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { runSeed } from "../run-seed.ts";
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

  it("names no reason where none was given, as that of the platform", () => {
    const reasonOf = (controller: AbortController) => {
      controller.abort();
      const { name, message } = controller.signal.reason as DOMException;
      return { name, message, is: controller.signal.reason instanceof DOMException };
    };
    const light = new LightAbortController() as unknown as AbortController;
    assert.deepEqual(reasonOf(light), reasonOf(new AbortController()));
  });

  it("calls who comes after a listener that throws, and its error ends the process, as with that of the platform", async () => {
    const uncaught: unknown[] = [];
    const called: string[] = [];
    process.setUncaughtExceptionCaptureCallback((error) => void uncaught.push(error));
    try {
      for (const controller of [new AbortController(), new LightAbortController() as unknown as AbortController]) {
        controller.signal.addEventListener("abort", () => {
          called.push("first");
          throw new Error("broken");
        });
        controller.signal.addEventListener("abort", () => void called.push("second"));
        controller.abort("over");
        called.push("aborted");
        await new Promise(setImmediate);
      }
    } finally {
      process.setUncaughtExceptionCaptureCallback(null);
    }
    const once = ["first", "second", "aborted"];
    assert.deepEqual(called, [...once, ...once]);
    assert.deepEqual(
      uncaught.map((error) => (error as Error).message),
      ["broken", "broken"],
    );
  });

  it("changes no trace of a seeded world", async () => {
    const seeds = [31, 32, 33, 34, 35, 36];
    const traces = async () => {
      const found: string[] = [];
      for (const seed of seeds) found.push((await runSeed(seed, {}, "saga")).trace);
      return found;
    };
    const platform = await traces();
    const { AbortController: own } = globalThis;
    Object.assign(globalThis, { AbortController: LightAbortController });
    try {
      assert.deepEqual(await traces(), platform);
    } finally {
      globalThis.AbortController = own;
    }
  });
});
