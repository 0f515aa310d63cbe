import type { How } from "../core/playbook.ts";
import type { Milliseconds } from "../core/time.ts";

/** What a release has to tell apart, and with which traffic. */
export interface EvidenceQuestion {
  readonly how: Pick<How, "steps" | "each" | "warmUp">;
  readonly perSecond: number;
  /** The fewest observations of the candidate that decide, when it has this share of them all. */
  readonly needs: (share: number) => number;
  /** Only so recent observations count. */
  readonly within?: Milliseconds | undefined;
}

/**
 * The evidence that the best test could have after `span` of the release, as a part of what it needs: at 1 it decides.
 * Observations of all steps so far are pooled, as if the baseline stood still; moving baselines need more.
 */
export function evidenceAfter(span: Milliseconds, question: EvidenceQuestion): number {
  const { how, perSecond, needs, within = Number.POSITIVE_INFINITY } = question;
  const from = Math.max(how.warmUp ?? 0, span - within);
  let candidate = 0;
  let seconds = 0;
  how.steps.forEach((step, index) => {
    const start = Math.max(from, index * how.each);
    const part = Math.max(0, Math.min(span, (index + 1) * how.each) - start) / 1000;
    seconds += part;
    candidate += part * perSecond * (step / 100);
  });
  return candidate === 0 ? 0 : candidate / needs(Math.min(1, candidate / (seconds * perSecond)));
}

/** When the best test decides on average, counted from the first exposure; undefined when not within the release. */
export function decidedAfter(question: EvidenceQuestion): Milliseconds | undefined {
  const { each, steps } = question.how;
  const decides = (span: Milliseconds) => evidenceAfter(span, question) >= 1;
  const step = steps.findIndex((_, index) => decides((index + 1) * each));
  return step < 0 ? undefined : bisect(step * each, (step + 1) * each, decides);
}

/** The least value of [low, high] that passes, for a test that fails below it and passes above it. */
function bisect(low: number, high: number, passes: (value: number) => boolean): number {
  let [fails, holds] = [low, high];
  for (let round = 0; round < 40; round++) {
    const middle = (fails + holds) / 2;
    if (passes(middle)) holds = middle;
    else fails = middle;
  }
  return holds;
}
