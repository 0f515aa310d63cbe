import { AS_IT_COMES, HOLDBACK, horizonOf, pairParts, recentStarts, segmentParts } from "../../core/error-budget.ts";
import {
  isReportedAsItComes,
  isUnbounded,
  maturityOf,
  type Playbook,
  percentile,
  type Signal,
  type Trigger,
} from "../../core/playbook.ts";
import type { Milliseconds } from "../../core/time.ts";
import {
  calibrate,
  chooseForm,
  type Design,
  harmDesign,
  informationBound,
  type LinearEvidence,
  linearEvidence,
  type MarginNull,
  safetyDesign,
  turned,
} from "../../statistics/index.ts";
import { FIRST } from "../../statistics/late-evidence.ts";
import { assumedBaseline, type Stated } from "../assumption.ts";
import { compileNull, formatLevel, formatPercent, levelOf, verbOf } from "../claim.ts";
import { gaussianBound, harmOf } from "../reckoning.ts";
import { averageTest } from "./average-test.ts";
import { meanTest } from "./mean-test.ts";
import { LOG_SPREAD, timeClaims } from "./time-claims.ts";

/**
 * A trigger as the evaluator will test it, with the truth that is reckoned with. Rates are those of bad *chances*: an answer
 * is one chance, of a count it is `chances` many, and of a mean that part of one which lies at an end of the scale.
 */
export interface TriggerTest {
  readonly trigger: Trigger;
  readonly signal: Signal;
  readonly p1: number;
  readonly p0: number;
  readonly null: MarginNull;
  /** Chances for each answer of the candidate. */
  readonly chances: number;
  /** ln of what the first start's evidence has to reach by itself. */
  readonly logThreshold: number;
  /** The evidence must gather within this time: what of the trigger's is left once outcomes are known. */
  readonly within: Milliseconds | undefined;
  /** Seconds are compared when they are this old. */
  readonly maturity: Milliseconds;
  /** The part of the false-alarm budget that is this trigger's. */
  readonly alpha: number;
  /** Absent for a mean. */
  readonly design?: Design;
  /** Of a time at several quantiles: each of them. Safe is what is proved of all. */
  readonly claims?: readonly Numbers[];
  /** Nothing is decided before so many answers of the candidate. */
  readonly least?: number;
  /** Safety is a claim about each pair of groups, or about each of ten segments and the whole: all at one moment. */
  readonly together?: { readonly kind: "pairs"; readonly otherWay: LinearEvidence } | { readonly kind: "segments" };
  /** What waits for one another in a cohort. */
  readonly cohort: CohortPace;
  /** Of a candidate that does the harm, or that is as good as stable. */
  readonly evidence: (direction: "harm" | "safety", share: number, candidate: "bad" | "sound") => LinearEvidence;
  /** Answers of the candidate that any test needs on average, at this share of them all; approximate for a mean. */
  readonly bound: (share: number) => number;
  /** The harm in words, the level of stable, and what else is assumed as a part of a sentence. */
  readonly sayHarm: string;
  readonly baseline: string;
  readonly assumes: string;
}

/** How fast evidence is taken in: in cohorts, each of which waits for enough of the reference. */
export interface CohortPace {
  /** Requests of so long may share one. */
  readonly span: Milliseconds;
  /** The reference's part of all answers; of several comparisons, the least one's. */
  readonly reference: (share: number, direction: "harm" | "safety") => number;
}

/** Groups: the smallest one's part of the traffic. */
const SMALLEST_GROUP = 0.1;
/** So many segments share what the whole leaves of the claim's budget. */
export const SEGMENTS = 10;
const ONE_SEGMENT = segmentParts(SEGMENTS).known;

/** @param times how many times the margin the harm is, where nobody stated one */
export function testOf(
  playbook: Playbook,
  trigger: Trigger,
  signal: Signal,
  times: number,
  stated: Stated = {},
): TriggerTest {
  const alpha = playbook.falseAlarms / playbook.triggers.length;
  if (trigger.inAny !== undefined) return segmentTest(playbook, trigger, signal, times, stated);
  const head = {
    trigger,
    signal,
    alpha,
    within: trigger.within === undefined ? undefined : Math.max(0, trigger.within - maturityOf(signal)),
    maturity: maturityOf(signal),
    cohort: { span: 1000, reference: (share: number) => 1 - share },
    logThreshold: startThreshold(playbook, trigger, alpha * partAsItComes(trigger, signal)),
  };
  if (trigger.kind === "compare" && isUnbounded(signal))
    return { ...head, ...averageTest(trigger, signal, times, alpha, stated) };
  if (trigger.kind === "slows") return { ...head, ...timeTest(playbook, trigger, signal, times, alpha, stated) };
  const nothing = compileNull(trigger, signal);
  const { badness, says, level } = assumedBaseline(playbook, signal, stated);
  const harm = stated.harms?.get(signal.name) ?? harmOf(times, nothing, badness, signal);
  const words = { sayHarm: sayLevel(harm, signal), baseline: level, assumes: says };
  if (signal.kind === "mean")
    return {
      ...head,
      ...words,
      ...meanTest(nothing, badness, harm, alpha),
      assumes: `${says}, spread as over the whole scale`,
    };
  const grain =
    signal.kind === "count" ? 100 * Math.ceil(Math.max(1, nothing.ratio * badness + nothing.points, badness)) : 1;
  const test = shareTest(
    { ratio: nothing.ratio, points: nothing.points / grain },
    badness / grain,
    harm / grain,
    grain,
    alpha,
  );
  if (trigger.threshold !== undefined)
    return {
      ...head,
      ...words,
      ...test,
      ...calibratedTest(playbook, test, alpha * partAsItComes(trigger, signal), says),
    };
  if (trigger.kind !== "differ") return { ...head, ...words, ...test };
  return {
    ...head,
    ...test,
    ...groupTest(test, alpha),
    logThreshold: head.logThreshold - Math.log(pairParts(2).known),
    cohort: { span: 60_000, reference: groupBeside },
    baseline: level,
    sayHarm: `${words.sayHarm} in one group`,
    assumes: `${says}, two groups of ${trigger.across}, the smaller with ${formatPercent(SMALLEST_GROUP)} of the traffic`,
  };
}

/** Harm to one segment alone, which has a tenth of the answers and its part of the budget; beside it stable's in the same one. */
function segmentTest(playbook: Playbook, trigger: Trigger, signal: Signal, times: number, stated: Stated): TriggerTest {
  const { inAny, ...plain } = trigger;
  const budget = { ...playbook, falseAlarms: playbook.falseAlarms * ONE_SEGMENT };
  const one = testOf(budget, plain as Trigger, signal, times, stated);
  return {
    ...one,
    trigger,
    alpha: playbook.falseAlarms / playbook.triggers.length,
    chances: one.chances / SEGMENTS,
    together: { kind: "segments" },
    cohort: { span: 10_000, reference: (share) => (1 - share) / SEGMENTS },
    bound: (share) => SEGMENTS * one.bound(share),
    sayHarm: `${one.sayHarm} in one ${inAny} alone`,
    assumes: `${one.assumes}, ten values of ${inAny} with a tenth of the traffic each`,
  };
}

function partAsItComes({ kind }: Trigger, signal: Signal): number {
  return (kind === "compare" || kind === "slows") && isReportedAsItComes(signal) ? AS_IT_COMES : 1;
}

/** What the release's own start must reach for the sum of all starts and all triggers to pass: each has a part of the budget. */
function startThreshold(playbook: Playbook, { within }: Trigger, alpha: number): number {
  const { how } = playbook;
  const holdback = how.holdbackFor ?? 0;
  if (within !== undefined) return -Math.log(alpha * recentStarts(within, horizonOf(playbook) + holdback).weightOf(0));
  return -Math.log(alpha * FIRST * (holdback > 0 ? 1 - HOLDBACK : 1));
}

export type Numbers = Pick<TriggerTest, "p1" | "p0" | "null" | "chances" | "design" | "evidence" | "bound">;

function shareTest(nothing: MarginNull, p0: number, p1: number, chances: number, alpha: number): Numbers {
  const request = { form: chooseForm(p0, nothing), null: nothing, forecast: p0 };
  const design = harmDesign(request);
  return {
    null: nothing,
    p0,
    p1,
    chances,
    design,
    evidence: (direction, share) => linearEvidence(direction === "harm" ? design : safetyDesign(request), share),
    bound: (share) => boundOf(nothing, p0, p1, chances, share, alpha),
  };
}

/** The threshold that the evaluator will find, where it can: that of the first start, with its part of the budget. */
function calibratedTest(
  { how }: Playbook,
  { design }: Numbers,
  alpha: number,
  says: string,
): Partial<Pick<TriggerTest, "logThreshold" | "assumes">> {
  const share = how.steps[0]! / 100;
  const walkable = design && (design.null.ratio === 0 || (design.form === "poisson-tilt" && share < 1));
  if (!walkable) return {};
  const { logThreshold, assumption } = calibrate({ design, share, alpha: alpha * FIRST });
  return { logThreshold, assumes: `${says}; calibrated, which ${assumption}` };
}

/** Occurrences of a count are told apart in far smaller slices than the evaluator has: so the bound is that of Poisson counts. */
const SLICES = 1000;

function boundOf({ ratio, points }: MarginNull, p0: number, p1: number, chances: number, share: number, alpha: number) {
  const slices = chances > 1 ? SLICES : 1;
  const fine = { p1: p1 / slices, p0: p0 / slices, points: points / slices };
  return informationBound({ ...fine, ratio, share, alpha }) / chances / slices;
}

/** The worse-off group is the candidate of its test, all others are the reference: whatever share the release has. */
function groupTest(test: Numbers, alpha: number): Pick<TriggerTest, "chances" | "evidence" | "bound" | "together"> {
  const { p1, p0 } = test;
  return {
    chances: SMALLEST_GROUP,
    evidence: (direction, _, candidate) => test.evidence(direction, SMALLEST_GROUP, candidate),
    together: { kind: "pairs", otherWay: turned(test.evidence("safety", 1 - SMALLEST_GROUP, "sound")) },
    bound: () => informationBound({ p1, p0, share: SMALLEST_GROUP, ...test.null, alpha: alpha / 2 }) / SMALLEST_GROUP,
  };
}

/** Harm is that of the smaller group; safety compares it both ways. */
function groupBeside(share: number, direction: "harm" | "safety"): number {
  return share * (direction === "harm" ? 1 - SMALLEST_GROUP : SMALLEST_GROUP);
}

/**
 * Of a time. At several quantiles the evidence is the mean of theirs, so it passes no later than that of the quickest with the
 * others' parts on top; what no test can undercut is then a Gaussian test of the logarithm of times.
 */
function timeTest(
  playbook: Playbook,
  trigger: Extract<Trigger, { kind: "slows" }>,
  signal: Signal,
  times: number,
  alpha: number,
  { harms }: Stated,
): Numbers & Pick<TriggerTest, "logThreshold" | "claims" | "sayHarm" | "baseline" | "assumes"> {
  const longer = harms?.get(signal.name) ?? times * trigger.by;
  const claims = timeClaims(trigger, longer).map(({ quantile, p0, p1, points }) => {
    return { quantile, ...shareTest({ ratio: 1, points }, p0, p1, 1, alpha) };
  });
  const first = playbook.how.steps[0]! / 100;
  const quickest = claims.reduce((best, one) => (one.bound(first) < best.bound(first) ? one : best));
  const { quantile, ...test } = quickest;
  const gap = Math.log1p(longer) - Math.log1p(trigger.by);
  const threshold = startThreshold(playbook, trigger, alpha * partAsItComes(trigger, signal));
  const several = {
    claims,
    bound: (share: number) => gaussianBound({ gap, variance: LOG_SPREAD ** 2 / (1 - share), alpha }),
  };
  return {
    ...test,
    ...(claims.length > 1 ? several : {}),
    logThreshold: threshold + Math.log(claims.length),
    sayHarm: `${signal.name} ${formatPercent(rounded(longer))} longer`,
    baseline: `${formatPercent(rounded(test.p0))} slow${claims.length > 1 ? ` at ${percentile(quantile)}` : ""}`,
    assumes: `assuming that ${signal.name} ${verbOf(signal)} lognormal with p95 at 2.7 times the median`,
  };
}

function sayLevel(badness: number, signal: Signal): string {
  const level = rounded(levelOf(badness, signal));
  return signal.kind === "share"
    ? `${formatPercent(level)} ${signal.part}`
    : `${signal.name} at ${formatLevel(level, signal)}`;
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
