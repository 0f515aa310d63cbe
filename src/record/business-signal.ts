import type { ReleaseId } from "../core/release.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";

/** A signal as the report needs it; the first one that is to blame leads the report. */
export interface BusinessSignal {
  readonly name: string;
  readonly part: string;
  readonly of: string;
  readonly badIs: "part" | "rest";
  readonly technical: boolean;
}

/** Observations and bad ones of one release, in requests from `from` on. */
export function sumOf(samples: readonly Sample[], signal: BusinessSignal, release: ReleaseId, from: Instant) {
  const sum = { n: 0, bad: 0 };
  for (const sample of samples) {
    if (sample.signal !== signal.name || sample.release !== release || sample.bucket < from) continue;
    // Whoever is in a group is in the whole signal too.
    if (sample.group !== undefined) continue;
    sum.n += sample.n;
    sum.bad += signal.badIs === "part" ? sample.k : sample.n - sample.k;
  }
  return sum;
}
