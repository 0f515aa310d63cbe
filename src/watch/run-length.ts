import type { HardLimit, Signal } from "../core/playbook.ts";
import type { ReleaseId } from "../core/release.ts";
import type { Instant } from "../core/time.ts";
import type { HardLimitWatch } from "./hard-limit.ts";
import { badOf } from "./rule.ts";

/** Seconds are joined when this old: what comes later can no longer break a run, nor make one. */
const REMEMBERED = 600;

/**
 * "So many in a row, all bad." Counts do not say in which order a second's outcomes came, so a run is what lies in whole
 * seconds in which all were bad: a run of n bad outcomes is seen when it fills seconds, and never claimed too early. One more
 * bad outcome makes a run longer, or a second of its own; it never breaks one.
 */
export function watchRunLength(
  limit: HardLimit & { readonly inARow: number },
  signal: Signal,
  candidate: ReleaseId,
  from: Instant,
): HardLimitWatch {
  const first = Math.floor(from / 1000) * 1000;
  const badIs = signal.better === "down" ? "part" : "rest";
  const seconds = new Map<Instant, { n: number; bad: number }>();
  let longest = 0;
  let total = 0;
  return {
    observe(samples) {
      let touched = false;
      for (const sample of samples) {
        const { bucket, n } = sample;
        if (sample.signal !== signal.name || sample.release !== candidate || sample.group || bucket < first) continue;
        const second = seconds.get(bucket) ?? { n: 0, bad: 0 };
        seconds.set(bucket, { n: second.n + n, bad: second.bad + badOf({ badIs }, sample) });
        total += n;
        touched = true;
      }
      if (!touched) return;
      const known = [...seconds].sort(([a], [b]) => a - b);
      for (const [bucket] of known.slice(0, -REMEMBERED)) seconds.delete(bucket);
      let run = 0;
      for (const [, { n, bad }] of known) {
        run = bad === n ? run + bad : 0;
        longest = Math.max(longest, run);
      }
    },
    judge: () => ({
      name: limit.name,
      signal: signal.name,
      kind: longest >= limit.inARow ? "harmful" : total === 0 ? "no-data" : "inconclusive",
      claim: `${limit.inARow} of ${signal.name} in a row are bad`,
      method: "run-length",
      candidate: { release: candidate, n: total, k: longest },
      reference: { release: "frozen-window", n: 0, k: 0 },
      logHarm: longest >= limit.inARow ? Number.MAX_VALUE : 0,
      logSafe: 0,
    }),
  };
}
