import type { Criterion, Playbook, Signal, Trigger } from "../core/playbook.ts";
import { informationBound } from "../statistics/information-bound.ts";
import { assumedBaseline } from "./assumption.ts";
import { type BadnessNull, compileNull, formatLevel, formatPercent, levelOf, verbOf } from "./claim.ts";
import { normalQuantile, normalTail } from "./normal-tail.ts";

/** What it takes to decide a claim, under assumptions that are said. */
export interface Reckoning {
  /** The fewest observations of the candidate that tell a harm of so many times the margin, at its share of them all. */
  readonly needs: (times: number, share: number) => number;
  /** Such a harm in words. */
  readonly sayHarm: (times: number) => string;
  /** What is assumed, as a part of a sentence. */
  readonly assumes: string;
}

/** The spread of a value of which nothing is known but its scale: the variance of a uniform one on [0, 1]. */
const UNIFORM = 1 / 12;

/** The spread of the logarithm of a time: p95 is then 2.7 times the median. */
const LOG_SPREAD = 0.6;

/** The smallest group's part of the traffic. */
const SMALLEST_GROUP = 0.1;

/** A count is the limit of shares over ever smaller slices of an observation, each with one occurrence or none. */
const SLICES = 1e4;

/** What a trigger takes to decide at false-alarm probability `alpha`. */
export function reckonTrigger(playbook: Playbook, trigger: Trigger, signal: Signal, alpha: number): Reckoning {
  if (trigger.kind === "slows") return reckonSlows(trigger, signal, alpha);
  const nothing = compileNull(trigger, signal);
  const { badness: p0, says } = assumedBaseline(playbook, signal);
  const harm = (times: number) => harmOf(times, nothing, p0, signal);
  const sayHarm = (times: number) => sayLevel(harm(times), signal);
  const question = (times: number) => ({ p1: harm(times), p0, ...nothing, alpha });
  if (trigger.kind === "differ") {
    return {
      // Which of the two groups may be the worse one is not known: each order has half of the budget.
      needs: (times) =>
        informationBound({ ...question(times), share: SMALLEST_GROUP, alpha: alpha / 2 }) / SMALLEST_GROUP,
      sayHarm: (times) => `${sayHarm(times)} in one group`,
      assumes: `${says}, two groups of ${trigger.across}, the smaller with ${formatPercent(SMALLEST_GROUP)} of the traffic`,
    };
  }
  const needs = (times: number, share: number) => neededBy(signal, { ...question(times), share });
  return { needs, sayHarm, assumes: `${says}${spreadOf(signal)}` };
}

/** The observations that prove a criterion, with `alpha` doubt and a long window of stable. */
export function reckonCriterion(playbook: Playbook, criterion: Criterion, signal: Signal, alpha: number) {
  const { ratio, points } = compileNull(criterion, signal);
  const { badness, says } = assumedBaseline(playbook, signal);
  const edge = ratio * badness + points;
  const assumes = `${says}${spreadOf(signal)}`;
  if (signal.kind === "mean") {
    const needs =
      edge > badness ? gaussianBound({ gap: edge - badness, variance: varianceAt(badness), alpha }) : Infinity;
    return { needs, assumes };
  }
  // Proving "good enough" is telling the true rate from the edge of the acceptable, seen from the other side.
  const size = signal.kind === "count" ? SLICES * Math.max(1, edge) : 1;
  const p1 = 1 - badness / size;
  const limit = 1 - Math.min(edge / size, 1);
  const needs = informationBound({ p1, p0: p1, share: 0, ratio: 0, points: limit, alpha }) / size;
  return { needs, assumes };
}

/**
 * The badness at some times the margin: that many times as far from the baseline as the null's edge is (for a limit:
 * that many times the limit); where it has a greatest value, never nearer to that than half way from the edge.
 */
function harmOf(times: number, nothing: BadnessNull, baseline: number, signal: Signal): number {
  const edge = nothing.ratio * baseline + nothing.points;
  const harm = nothing.ratio === 0 ? times * edge : baseline + times * (edge - baseline);
  return signal.kind === "count" ? harm : Math.min(harm, (1 + edge) / 2);
}

type Question = Parameters<typeof informationBound>[0];

function neededBy(signal: Signal, question: Question): number {
  const { p1, p0, points, ratio, share, alpha } = question;
  if (signal.kind === "share") return informationBound(question);
  if (signal.kind === "count") {
    const size = SLICES * Math.max(1, p1);
    return informationBound({ ...question, p1: p1 / size, p0: p0 / size, points: points / size }) / size;
  }
  const reference = ratio === 0 ? 0 : (ratio * ratio * varianceAt(p0) * share) / (1 - share);
  return gaussianBound({ gap: p1 - ratio * p0 - points, variance: varianceAt(p1) + reference, alpha });
}

/** `2 ln(1/alpha) variance / gap^2`: what a Gaussian test of a mean needs, an approximation for any spread. */
function gaussianBound({ gap, variance, alpha }: { gap: number; variance: number; alpha: number }): number {
  return gap > 0 ? (2 * Math.log(1 / alpha) * variance) / gap ** 2 : Number.POSITIVE_INFINITY;
}

/** On [0, 1] no value with this mean can spread more than to both ends. */
function varianceAt(mean: number): number {
  return Math.min(UNIFORM, mean * (1 - mean));
}

function spreadOf({ kind }: Signal): string {
  return kind === "mean" ? ", spread as over the whole scale" : "";
}

/** Slow is what takes longer than stable's quantile and the margin; a harm makes every answer slower by so much. */
function reckonSlows(trigger: Extract<Trigger, { kind: "slows" }>, signal: Signal, alpha: number): Reckoning {
  const limit = 1 - trigger.quantile;
  const line = normalQuantile(limit) * LOG_SPREAD + Math.log1p(trigger.by);
  const slowAt = (times: number) => normalTail((line - Math.log1p(times * trigger.by)) / LOG_SPREAD);
  return {
    needs: (times) => informationBound({ p1: slowAt(times), p0: 0, share: 0, ratio: 0, points: limit, alpha }),
    sayHarm: (times) => `${signal.name} ${formatPercent(rounded(times * trigger.by))} longer`,
    assumes: `assuming that ${signal.name} ${verbOf(signal)} lognormal with p95 at 2.7 times the median, and that stable's own is known`,
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
