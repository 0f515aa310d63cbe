import type { ReleaseId } from "../core/release.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { type BusinessSignal, badOf } from "./business-signal.ts";

/** When a plain threshold over a sliding window would have fired, for comparison in reports only. */
export interface FixedRuleReplay {
  readonly firedAt?: Instant;
  /** The window was filled at least once. */
  readonly windowFilled: boolean;
  readonly bad: number;
}

/**
 * Replays "share of bad answers above `limit` over `window`" on recorded counts, second by second: the rule of the
 * article that the product answers. It fires at the end of the first full window whose share is above the limit.
 */
export function replayFixedRule(
  samples: readonly Sample[],
  signal: BusinessSignal,
  release: ReleaseId,
  from: Instant,
  to: Instant,
  limit: number,
  window: Milliseconds,
): FixedRuleReplay {
  const seconds = new Map<Instant, { n: number; bad: number }>();
  for (const sample of samples) {
    if (sample.signal !== signal.name || sample.release !== release || sample.group !== undefined) continue;
    if (sample.bucket < Math.floor(from / 1000) * 1000 || sample.bucket > to) continue;
    const second = seconds.get(sample.bucket) ?? { n: 0, bad: 0 };
    second.n += sample.n;
    second.bad += badOf(sample, signal);
    seconds.set(sample.bucket, second);
  }
  let bad = 0;
  for (const second of seconds.values()) bad += second.bad;
  const first = Math.floor(from / 1000) * 1000;
  for (let end = first + window; end <= to; end += 1000) {
    let n = 0;
    let k = 0;
    for (const [bucket, second] of seconds) {
      if (bucket >= end - window && bucket < end) {
        n += second.n;
        k += second.bad;
      }
    }
    if (n > 0 && k / n > limit) return { firedAt: end, windowFilled: true, bad };
  }
  return { windowFilled: to - first >= window, bad };
}
