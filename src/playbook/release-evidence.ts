import type { How } from "../core/playbook.ts";
import type { Milliseconds } from "../core/time.ts";
import { informationBound } from "../statistics/information-bound.ts";
import type { BadnessNull } from "./claim.ts";

/** What a release has to tell apart, and with which traffic. */
export interface EvidenceQuestion {
  readonly how: Pick<How, "steps" | "each">;
  readonly perSecond: number;
  readonly nothing: BadnessNull;
  readonly p0: number;
  readonly p1: number;
  readonly alpha: number;
}

/**
 * The evidence that the best test could have after `span` of the release, as a part of what it needs: at 1 it decides.
 * Observations of all steps so far are pooled, as if the baseline stood still; moving baselines need more.
 */
export function evidenceAfter(span: Milliseconds, question: EvidenceQuestion): number {
  const { how, perSecond, nothing, p0, p1, alpha } = question;
  let candidate = 0;
  let seconds = 0;
  how.steps.forEach((step, index) => {
    const part = Math.max(0, Math.min(span - index * how.each, how.each)) / 1000;
    seconds += part;
    candidate += part * perSecond * (step / 100);
  });
  if (candidate === 0) return 0;
  const share = Math.min(1, candidate / (seconds * perSecond));
  return candidate / informationBound({ p1, p0, share, ...nothing, alpha });
}

/** When the best test decides on average, counted from the first exposure; undefined when not within the release. */
export function decidedAfter(question: EvidenceQuestion): Milliseconds | undefined {
  const end = question.how.steps.length * question.how.each;
  if (evidenceAfter(end, question) < 1) return undefined;
  return bisect(0, end, (span) => evidenceAfter(span, question) >= 1);
}

/** The smallest rate of bad outcomes that the whole release can tell from the null; undefined when there is none. */
export function smallestDecidable(question: Omit<EvidenceQuestion, "p1">): number | undefined {
  const edge = question.nothing.ratio * question.p0 + question.nothing.points;
  const decides = (p1: number) => decidedAfter({ ...question, p1 }) !== undefined;
  return decides(1) ? bisect(edge, 1, decides) : undefined;
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
