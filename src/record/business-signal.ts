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
  /** Of a signal of values: which cells are bad, and how that is said. */
  readonly values?: { readonly meaning: string; readonly isBad: (cell: number) => boolean };
}

/** Observations and bad ones of one release, in requests from `from` on. */
export function sumOf(samples: readonly Sample[], signal: BusinessSignal, release: ReleaseId, from: Instant) {
  const sum = { n: 0, bad: 0 };
  for (const sample of samples) {
    if (sample.signal !== signal.name || sample.release !== release || sample.bucket < from) continue;
    // Whoever is in a group is in the whole signal too.
    if (sample.group !== undefined) continue;
    sum.n += sample.n;
    sum.bad += badOf(sample, signal);
  }
  return { n: sum.n, bad: Math.round(sum.bad) };
}

/** How many of a block's observations are bad; of scores, parts of them. */
export function badOf({ n, k, cells = [] }: Sample, { badIs, values }: BusinessSignal): number {
  if (values) return cells.reduce((sum, [cell, count]) => sum + (values.isBad(cell) ? count : 0), 0);
  return badIs === "part" ? k : n - k;
}

/** What a bad observation is, in words. */
export function meaningOf({ part, of, badIs, values }: BusinessSignal): string {
  return values?.meaning ?? (badIs === "part" ? `${part} of ${of}` : `${of} that are not ${part}`);
}
