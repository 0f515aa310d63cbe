import type { Clock } from "../core/ports.ts";

/** The clock of the machine. Sleeps do not keep the process alive by themselves when it has been told to stop. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (span, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, span);
      signal?.addEventListener("abort", done, { once: true });
    }),
};
