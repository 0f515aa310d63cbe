import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Json } from "../../core/digest.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { CompiledPolicy } from "./policy-file.ts";

export interface EngineQuestion {
  readonly id: number;
  /** `lending/back`. */
  readonly entrypoint: string;
  readonly input: Json;
}

export type EngineAnswer =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "undefined" | "failed"; readonly reason: string };

/** A compiled policy in a thread of this process, which is ended when it takes too long. */
export interface WasmEngine {
  evaluate(entrypoint: string, input: Json, signal: AbortSignal): Promise<EngineAnswer>;
  /** Is its thread gone? Then it answers nothing any more. */
  ended(): boolean;
  stop(): Promise<void>;
}

/**
 * Starts a thread for one policy: an evaluation cannot be interrupted, and one that does not end would hold up the
 * control loop, and with it containment, if it ran beside it.
 */
export function startWasmEngine({ wasm, data }: CompiledPolicy, timeoutMs: Milliseconds): WasmEngine {
  const file = new URL(`./wasm-worker${extname(import.meta.filename)}`, import.meta.url);
  const worker = new Worker(file, {
    workerData: { wasm, data },
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 64 },
  });
  worker.stdout.resume();
  worker.stderr.resume();
  worker.unref();
  const waiting = new Map<number, (answer: EngineAnswer) => void>();
  let next = 0;
  let over = false;
  const end = (reason: string) => {
    over = true;
    for (const tell of waiting.values()) tell({ kind: "failed", reason });
    return worker.terminate();
  };
  worker.on("message", ({ id, said }: { readonly id: number; readonly said: EngineAnswer }) => waiting.get(id)?.(said));
  worker.on("error", (error) => void end(`the policy's thread failed: ${error.message}`));
  worker.on("exit", () => void end("the policy's thread has ended"));

  return {
    ended: () => over,
    stop: async () => void (await end("the policy was replaced or closed")),
    evaluate(entrypoint, input, signal) {
      if (over || signal.aborted) return Promise.resolve({ kind: "failed", reason: "the question was given up" });
      const id = next++;
      return new Promise((resolve) => {
        const tell = (answer: EngineAnswer) => {
          clearTimeout(timer);
          signal.removeEventListener("abort", giveUp);
          waiting.delete(id);
          if (waiting.size === 0) worker.unref();
          resolve(answer);
        };
        const giveUp = () => tell({ kind: "failed", reason: "the question was given up" });
        const timer = setTimeout(() => void end(`no answer within ${timeoutMs} ms; the policy was ended`), timeoutMs);
        signal.addEventListener("abort", giveUp, { once: true });
        waiting.set(id, tell);
        worker.ref();
        worker.postMessage({ id, entrypoint, input } satisfies EngineQuestion);
      });
    },
  };
}
