import type { HardLimit, Signal } from "../core/playbook.ts";
import type { ReleaseId } from "../core/release.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";
import type { Finding } from "../core/verdict.ts";

const COMPARE = {
  ">": (value: number, limit: number) => value > limit,
  ">=": (value: number, limit: number) => value >= limit,
  "<": (value: number, limit: number) => value < limit,
  "<=": (value: number, limit: number) => value <= limit,
} as const;

/** Watches one plain threshold on one release: over its whole life, or over what became known within a window. */
export interface HardLimitWatch {
  observe(samples: readonly Sample[]): void;
  judge(now: Instant): Finding;
}

export function watchHardLimit(limit: HardLimit, signal: Signal, candidate: ReleaseId, from: Instant): HardLimitWatch {
  const first = Math.floor(from / 1000) * 1000;
  const seconds = new Map<Instant, { n: number; k: number }>();
  let breached = false;
  return {
    observe(samples) {
      const arrived = samples.reduce((latest, { known = 0 }) => Math.max(latest, known), 0);
      for (const sample of samples) {
        if (sample.signal !== signal.name || sample.release !== candidate || sample.group !== undefined) continue;
        if (sample.bucket < first) continue;
        // What comes late, as a time-out does, is as much of a window as what came at once: all of a batch arrived together.
        // A whole rollout has one sum: looking through all its seconds on every arrival would take ever longer.
        const bucket = limit.over === undefined ? first : Math.max(sample.bucket, Math.floor(arrived / 1000) * 1000);
        const second = seconds.get(bucket) ?? { n: 0, k: 0 };
        seconds.set(bucket, { n: second.n + sample.n, k: second.k + sample.k });
      }
    },
    judge(now) {
      const since = limit.over === undefined ? Number.NEGATIVE_INFINITY : now - limit.over;
      let n = 0;
      let k = 0;
      for (const [bucket, second] of seconds) {
        if (bucket + 1000 <= since) seconds.delete(bucket);
        else {
          n += second.n;
          k += second.k;
        }
      }
      const value = signal.kind === "count" ? k : n === 0 ? undefined : k / n;
      if (value !== undefined && n >= limit.min && COMPARE[limit.comparison](value, limit.limit)) breached = true;
      return {
        name: limit.name,
        signal: signal.name,
        kind: breached ? "harmful" : n === 0 ? "no-data" : "inconclusive",
        claim: `${signal.name} ${limit.comparison} ${sayLimit(limit.limit, signal)}`,
        method: "hard-limit",
        candidate: { release: candidate, n, k },
        reference: { release: "frozen-window", n: 0, k: 0 },
        logHarm: breached ? Number.MAX_VALUE : 0,
        logSafe: 0,
      };
    },
  };
}

/** As the playbook has it: a share in percent, without the noise of binary fractions. */
function sayLimit(limit: number, { kind }: Signal): string {
  return kind === "count" ? String(limit) : `${Number((100 * limit).toPrecision(10))} %`;
}
