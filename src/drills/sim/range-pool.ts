import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { type RangeResult, runRange, type SeedRange } from "../seed-range.ts";
import { LightAbortController } from "./light-abort.ts";

/** Nearly all of a world dies with it: few collections, and yet small enough for the processor's caches. */
const YOUNG_MB = 12;

/** Runs the pieces on so many threads; results are in the order of the pieces, whichever thread ran them. */
export async function runRanges(pieces: readonly SeedRange[], threads: number): Promise<readonly RangeResult[]> {
  const results = new Array<RangeResult>(pieces.length);
  let next = 0;
  const work = () =>
    new Promise<void>((done, failed) => {
      const worker = new Worker(new URL(import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
      const feed = () => {
        if (next < pieces.length) worker.postMessage({ index: next, piece: pieces[next++] });
        else void worker.terminate().then(() => done());
      };
      worker.on("message", ({ index, result }: { index: number; result: RangeResult }) => {
        results[index] = result;
        feed();
      });
      worker.on("error", failed);
      feed();
    });
  await Promise.all(Array.from({ length: Math.min(threads, pieces.length) }, work));
  return results;
}

if (!isMainThread && parentPort) {
  const port = parentPort;
  // Controllers of these worlds fail all the time, nobody reads where, and stacks are a third of the time.
  Error.stackTraceLimit = 0;
  Object.assign(globalThis, { AbortController: LightAbortController });
  port.on("message", async ({ index, piece }: { index: number; piece: SeedRange }) => {
    port.postMessage({ index, result: await runRange(piece) });
  });
}
