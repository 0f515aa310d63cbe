import type { HardLimit, Signal } from "../core/playbook.ts";
import type { ReleaseId } from "../core/release.ts";
import type { Instant } from "../core/time.ts";
import type { HardLimitWatch } from "./hard-limit.ts";
import { badOf } from "./rule.ts";

interface Second {
  readonly bucket: Instant;
  n: number;
  bad: number;
}

/** So many seconds with outcomes are remembered, a day at least: what is known of older ones makes runs of its own. */
const REMEMBERED = 86_400;

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
  /** By time. */
  const seconds: Second[] = [];
  let longest = 0;
  let total = 0;

  function secondAt(bucket: Instant): Second {
    const place = 1 + seconds.findLastIndex((second) => second.bucket <= bucket);
    const known = seconds[place - 1];
    if (known?.bucket === bucket) return known;
    const fresh = { bucket, n: 0, bad: 0 };
    seconds.splice(place, 0, fresh);
    return fresh;
  }

  /** The run that a second lies in, as far as it has to be known. */
  function runAround(second: Second): number {
    if (second.bad < second.n) return 0;
    const place = seconds.lastIndexOf(second);
    let run = second.bad;
    for (const step of [-1, 1])
      for (let at = place + step; run < limit.inARow && isAllBad(seconds[at]); at += step) run += seconds[at]!.bad;
    return run;
  }

  return {
    observe(samples) {
      const touched = new Set<Second>();
      for (const sample of samples) {
        const { bucket, n } = sample;
        if (sample.signal !== signal.name || sample.release !== candidate || sample.group || bucket < first) continue;
        const second = secondAt(bucket);
        second.n += n;
        second.bad += badOf({ badIs }, sample);
        total += n;
        touched.add(second);
      }
      for (const second of touched) longest = Math.max(longest, runAround(second));
      if (seconds.length > REMEMBERED) seconds.splice(0, seconds.length - REMEMBERED);
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

function isAllBad(second: Second | undefined): second is Second {
  return second !== undefined && second.bad >= second.n;
}
