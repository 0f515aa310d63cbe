import { PATIENCE } from "../../core/error-budget.ts";
import { isUnbounded, labelOf, type Playbook, type Signal, type Trigger } from "../../core/playbook.ts";
import type { Milliseconds } from "../../core/time.ts";
import { stoppingBoundary, stoppingLaw, tailExponent, trialsOf } from "../../statistics/index.ts";
import type { Stated } from "../assumption.ts";
import { claimOf } from "../claim.ts";
import type { IncumbentRule } from "../import/draft.ts";
import { type Decidability, judge } from "./decidability.ts";
import { type Quantiles, quantiles, rounded } from "./quantiles.ts";
import {
  type MeasuredThreshold,
  type Measuring,
  measuredThresholdOf,
  type RawThreshold,
  rawThresholdOf,
  usualMeasuring,
} from "./raw-threshold.ts";
import type { Remedy } from "./remedy.ts";
import { sayRemedy } from "./say-remedy.ts";
import { waitingOf } from "./served.ts";
import { comparable, lawOf, lengthOf, momentOf, patient, safetyAfter, type TestLength } from "./test-length.ts";
import type { Numbers, TriggerTest } from "./trigger-test.ts";

/** What a trigger can do with the stated traffic; every number is explained in docs/check.md. */
export interface TriggerPhysics {
  readonly name: string;
  readonly signal: string;
  readonly claim: string;
  /** Stable's level, the harm that is reckoned with, and the other assumptions, in words. */
  readonly baseline: string;
  readonly harm: string;
  readonly assumes: string;
  /** Can it decide within the planned release, with this traffic? */
  readonly kind: Decidability;
  /** What would make it decide, each by itself, and the same in words; absent where it does. */
  readonly wouldDecide?: Remedy & { readonly says: string };
  /** Of a blind spot: the least harm that is decided. */
  readonly smallest?: string;
  readonly detection: Detection;
  readonly falseAlarms: FalseAlarms;
  /** Until a candidate as good as stable is proved safe, with 5 % doubt. */
  readonly safety: { readonly answers: Quantiles; readonly seconds: Quantiles };
  readonly money?: Stake;
  readonly canary?: CanarySize;
  readonly raw?: RawThreshold;
  /** The rule that was imported, where one was stated; else what people usually have. */
  readonly measured?: MeasuredThreshold;
  /** The rule that the trigger took the place of, as it was imported. */
  readonly imported?: IncumbentRule;
}

/** Quantiles are upper bounds; `bound` is the least mean that any test can have, at the first step's share. */
export interface Needed extends Quantiles {
  /** Absent where the harm lies within the margin, so that there is nothing to find. */
  readonly bound?: number;
}

/** For a candidate that does the harm from its first answer on; quantiles are absent beyond four times the ramp. */
export interface Detection {
  /** What the candidate serves until the decision. */
  readonly answers: Needed;
  /** Bad ones among them; absent for a mean. */
  readonly bad?: Needed;
  /** From the first exposure on. */
  readonly seconds: Quantiles;
  /** Answers among the median's that go out before evidence begins, and while outcomes are awaited. */
  readonly waiting: number;
}

/** Lifetime probabilities that this trigger rolls a release back. */
export interface FalseAlarms {
  /** It holds for many values that spread as stable's did before, and not exactly. */
  readonly approximate?: true;
  /** Exactly at the margin: its part of the playbook's budget, guaranteed. */
  readonly atMargin: number;
  /** As good as stable: an upper bound. */
  readonly asStable: number;
  /** Of the evidence from the first answer on alone: exact for independent outcomes, where it is a walk of two counts. */
  readonly firstStart?: { readonly atMargin: number; readonly asStable: number };
}

/** What the excess of bad answers costs. */
export interface Stake {
  readonly currency: string;
  /** Until the decision. */
  readonly decided: Quantiles;
  /** The same, if the candidate served on for the whole of `how.within`. */
  readonly restored: Quantiles;
}

/** The first step at which what is served while outcomes travel is a tenth of what the statistics need. */
export interface CanarySize {
  /** Percent of the traffic. */
  readonly most: number;
  /** Bad answers while the last outcomes travel, at the playbook's first step. */
  readonly late: number;
  /** How long outcomes travel. */
  readonly latency: Milliseconds;
}

/** What people write where they have no better idea: a window of half a minute. */
const USUAL_WINDOW: Milliseconds = 30_000;
/** A second must be over, and its counts arrive. */
const TRAVEL: Milliseconds = 2000;
/** Of the bad answers that the statistics need, what may come on top. */
const WASTE = 0.1;
/** Bad outcomes of both arms after which hardly any first alarm is left. */
const MOST_TRIALS = 6000;

/** @param perSecond answers of both sides */
export function triggerPhysics(
  playbook: Playbook,
  trigger: Trigger,
  signal: Signal,
  perSecond: number,
  stated: Stated = {},
): TriggerPhysics {
  const { how } = playbook;
  const { kind, test, remedy, smallest } = judge(playbook, trigger, signal, perSecond, stated);
  const share = how.steps[0]! / 100;
  const law = lawOf(test, "harm", share, perSecond);
  const detection = detectionOf(playbook, test, perSecond, (part) => lengthOf(test, law, part));
  const money = stakeOf(playbook, test, perSecond, detection);
  const canary = canaryOf(test, share, perSecond, lengthOf(test, law, 0.5).answers);
  return {
    name: trigger.name,
    signal: signal.name,
    claim: claimOf(trigger, signal),
    baseline: test.baseline,
    harm: test.sayHarm,
    assumes: test.assumes,
    kind,
    ...(remedy ? { wouldDecide: { ...remedy, says: sayRemedy(remedy, trigger, signal) } } : {}),
    ...(smallest === undefined ? {} : { smallest }),
    detection,
    falseAlarms: falseAlarmsOf(playbook, test, share, perSecond),
    safety: safetyOf(playbook, test, perSecond),
    ...(money ? { money } : {}),
    ...(canary ? { canary } : {}),
    ...rawOf(playbook, test, perSecond, stated.incumbents?.get(trigger.name)),
  };
}

function detectionOf(
  { how }: Playbook,
  test: TriggerTest,
  perSecond: number,
  length: (part: number) => TestLength,
): Detection {
  const bound = test.bound(how.steps[0]! / 100);
  const badRate = test.p1 * test.chances;
  const ramp = patient(how, PATIENCE);
  const [median, p90] = [0.5, 0.9].map((part) => {
    const { answers, bad } = length(part);
    const moment = momentOf(test, answers, ramp, perSecond);
    const waiting = waitingOf(how, test.maturity, moment ?? test.maturity, perSecond);
    const plus = (value: number | undefined, more: number) => (value === undefined ? undefined : value + more);
    return { moment, waiting, answers: plus(answers, waiting), bad: plus(bad, waiting * badRate) };
  }) as [Decided, Decided];
  return {
    answers: needed(median.answers, p90.answers, bound),
    ...(test.signal.kind === "mean" ? {} : { bad: needed(median.bad, p90.bad, bound * badRate) }),
    seconds: quantiles(inSeconds(median.moment), inSeconds(p90.moment)),
    waiting: rounded(median.waiting),
  };
}

interface Decided extends TestLength {
  readonly moment: Milliseconds | undefined;
  readonly waiting: number;
}

function needed(median: number | undefined, p90: number | undefined, bound: number): Needed {
  return { ...quantiles(median, p90), ...(Number.isFinite(bound) ? { bound: rounded(bound) } : {}) };
}

function safetyOf({ how }: Playbook, test: TriggerTest, perSecond: number): TriggerPhysics["safety"] {
  const ramp = patient(how, PATIENCE);
  const [median, p90] = [0.5, 0.9].map((part) => safetyAfter(test, how.steps[0]! / 100, perSecond, part));
  // Where there is no harm to find, nobody can say how much more an answer is worth in a later step: as much as in the first.
  const bound = Number.isFinite(test.bound(how.steps[0]! / 100)) ? test.bound : () => 1;
  const moment = (answers: number | undefined) =>
    inSeconds(momentOf({ ...test, within: undefined, bound }, answers, ramp, perSecond));
  return {
    answers: quantiles(median, p90),
    seconds: quantiles(moment(median), moment(p90)),
  };
}

function falseAlarmsOf({ how }: Playbook, test: TriggerTest, share: number, perSecond: number): FalseAlarms {
  const { p0, alpha, design } = test;
  const { ratio, points } = test.null;
  const approximate = isUnbounded(test.signal) ? { approximate: true as const } : {};
  if (!comparable(test, share)) return { atMargin: alpha, asStable: alpha, ...approximate };
  // The mean of several e-values keeps the least exponent of theirs.
  const exponent = Math.min(...(test.claims ?? [test]).map((claim) => exponentOf(claim, share)));
  const atMost = { atMargin: alpha, asStable: alpha ** exponent, ...approximate };
  if (
    test.claims ||
    design?.form !== "poisson-tilt" ||
    ratio === 0 ||
    points > 0 ||
    labelOf(test.trigger) !== undefined
  )
    return atMost;
  const life = (perSecond * how.steps.length * how.each * test.chances * p0 * 1.5) / 1000;
  const walk = trialsOf(design, share);
  const boundary = stoppingBoundary(walk, test.logThreshold, Math.ceil(Math.min(MOST_TRIALS, Math.max(100, life))));
  const stopped = (rate: number) => stoppingLaw(boundary, rate).stopped;
  return { ...atMost, firstStart: { atMargin: stopped(walk.nullRate), asStable: stopped(share) } };
}

function exponentOf({ evidence, null: { ratio, points }, p0 }: Numbers, share: number): number {
  return tailExponent(evidence("harm", share, "sound"), Math.min(p0, ratio * p0 + points), p0);
}

function stakeOf({ how }: Playbook, test: TriggerTest, perSecond: number, { answers }: Detection): Stake | undefined {
  const { costs } = test.trigger;
  if (!costs) return undefined;
  const each = Math.max(0, test.p1 - test.p0) * (test.signal.kind === "mean" ? 1 : test.chances) * costs.amount;
  const more = (perSecond * how.steps[0]! * how.within) / 100_000;
  const cost = (count: number | undefined, extra: number) => (count === undefined ? undefined : each * (count + extra));
  return {
    currency: costs.currency,
    decided: quantiles(cost(answers.median, 0), cost(answers.p90, 0)),
    restored: quantiles(cost(answers.median, more), cost(answers.p90, more)),
  };
}

function canaryOf(
  test: TriggerTest,
  share: number,
  perSecond: number,
  answers: number | undefined,
): CanarySize | undefined {
  const latency = TRAVEL + test.maturity;
  if (answers === undefined || isUnbounded(test.signal)) return undefined;
  const most = (WASTE * answers * 100_000) / (perSecond * latency);
  const late = (test.p1 * test.chances * perSecond * share * latency) / 1000;
  return { most: Math.min(50, Number(most.toPrecision(2))), late: rounded(late), latency };
}

/** A mean of few scores is no count, and groups are told apart by no usual threshold. */
function rawOf(
  playbook: Playbook,
  test: TriggerTest,
  perSecond: number,
  incumbent: IncumbentRule | undefined,
): Pick<TriggerPhysics, "raw" | "measured" | "imported"> {
  const imported = incumbent === undefined ? {} : { imported: incumbent };
  if (test.signal.kind === "mean" || labelOf(test.trigger) !== undefined) return imported;
  const line = test.null.ratio * test.p0 + test.null.points;
  const own = playbook.hardLimits.find((hard) => hard.signal === test.signal.name && hard.over !== undefined);
  const raw = rawThresholdOf(playbook.how, test, { line, over: own?.over ?? USUAL_WINDOW, reached: false }, perSecond);
  const measuring = incumbent ? measuringOf(incumbent, playbook, test) : usualMeasuring(line);
  const measured = measuring && measuredThresholdOf(playbook.how, test, measuring, perSecond);
  return { ...(raw ? { raw } : {}), ...(measured ? { measured } : {}), ...imported };
}

/** Undefined where it is no threshold of a share: ranks have no law of two counts. */
function measuringOf(rule: IncumbentRule, { how }: Playbook, { signal }: TriggerTest): Measuring | undefined {
  const { product, threshold, failureLimit, count } = rule;
  if (threshold === undefined || signal.kind !== "share") return undefined;
  const every = rule.every ?? rule.window ?? how.each;
  const line = signal.better === "down" ? threshold.limit : 1 - threshold.limit;
  return { product, line, every, window: rule.window ?? every, failureLimit, count };
}

function inSeconds(span: Milliseconds | undefined): number | undefined {
  return span === undefined ? undefined : span / 1000;
}
