import type { Sample } from "../../core/sample.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";

/** The time after the first exposure when caches are cold: what was served then is no evidence; hard limits see it. */
export interface WarmUp {
  /** Was it served, wholly or in part, during the warm-up? */
  covers(sample: Pick<Sample, "bucket">): boolean;
}

/**
 * Fixed before the first outcome and blind to outcomes, so leaving its seconds out costs no guarantee.
 * @throws RangeError for a span that is none
 */
export function createWarmUp(from: Instant, span: Milliseconds): WarmUp {
  if (!(span >= 0 && Number.isFinite(span))) throw new RangeError(`A warm-up lasts 0 ms or more, not ${span}.`);
  return { covers: ({ bucket }) => span > 0 && bucket + 1000 > from && bucket < from + span };
}
