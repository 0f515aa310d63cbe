import type { How } from "../../core/playbook.ts";
import type { Milliseconds } from "../../core/time.ts";
import {
  type Bounds,
  binomialTail,
  firstAlarms,
  slidingAlarm,
  type WindowRule,
  windowAlarm,
} from "../../statistics/index.ts";
import type { IncumbentRule } from "../import/draft.ts";
import { type Quantiles, quantiles } from "./quantiles.ts";
import { waitingOf } from "./served.ts";
import type { TriggerTest } from "./trigger-test.ts";

/** From the first answer of a bad candidate on; a window has to fill first. Absent where it takes longer than is followed. */
export interface RawDetection {
  readonly seconds: Quantiles;
  readonly bad: Quantiles;
}

/** What a plain threshold costs that people usually write in place of a trigger. */
export interface RawThreshold {
  readonly over: Milliseconds;
  /** Answers of the candidate in a window at the first step's share, and how many bad ones of them alarm. */
  readonly answers: number;
  readonly least: number;
  /** With a candidate as good as stable: in one window, in one release, in one day at the first step's share. */
  readonly falseAlarms: { readonly perWindow: number; readonly perRelease: Bounds; readonly perDay: Bounds };
  /** Upper bounds: it is looked at twice in a window only. */
  readonly detection: RawDetection;
}

/** Measurements of which some may fail: Argo Rollouts with its default `failureLimit: 0`, or the rule that was imported. */
export interface MeasuredThreshold {
  readonly product: IncumbentRule["product"];
  readonly every: Milliseconds;
  /** How far back each looks; where that is more than `every`, they are reckoned as if they did not overlap. */
  readonly window: Milliseconds;
  /** So many failed ones are tolerated; one more ends the release. */
  readonly failureLimit: number;
  readonly falseAlarms: { readonly perMeasurement: number; readonly perRelease: number };
  readonly detection: RawDetection;
}

/** When a measurement fails, and how many may. */
export interface Measuring extends Pick<MeasuredThreshold, "product" | "every" | "window" | "failureLimit"> {
  readonly line: number;
  /** How many measurements; absent: as long as the release goes out. */
  readonly count?: number | undefined;
}

/** The rates that are reckoned with, how many chances an answer is, and how late its outcome is known. */
export type Rates = Pick<TriggerTest, "p1" | "p0" | "chances" | "maturity">;

/** Alarms when the bad share of a window is above the line, or when it has `reached` it. */
export interface Threshold {
  readonly line: number;
  readonly over: Milliseconds;
  readonly reached: boolean;
}

const DAY: Milliseconds = 86_400_000;
const LOOK: Milliseconds = 1000;
const MINUTE: Milliseconds = 60_000;
/** Windows that detection is followed for. */
const FOLLOWED = 120;

/** A window of the candidate's answers that slides by the second. Undefined with less than one answer in it, a line that it cannot pass, or a ramp that it outlasts. */
export function rawThresholdOf(
  how: How,
  test: Rates,
  threshold: Threshold,
  perSecond: number,
): RawThreshold | undefined {
  const { over } = threshold;
  const at = (step: number) => ruleAt(step, test, threshold, perSecond);
  const rule = at(how.steps[0]!);
  if (rule.n < 1 || rule.least > rule.n || lengthOf(how) < over) return undefined;
  const halves = firstAlarms(rule, test.p1, 2 * FOLLOWED);
  return {
    over,
    answers: rule.n / test.chances,
    least: rule.least,
    falseAlarms: {
      perWindow: windowAlarm(rule, test.p0),
      perRelease: inAny(how.steps.map((step) => slidingAlarm(at(step), test.p0, Math.max(1, how.each / over)))),
      perDay: slidingAlarm(rule, test.p0, Math.max(1, DAY / over)),
    },
    detection: detectionOf(how, test, perSecond, over, (part) => 1 + indexOf(halves, part) / 2),
  };
}

/** What people get who write nothing else. */
export function usualMeasuring(line: number): Measuring {
  return { product: "argo", line, every: MINUTE, window: MINUTE, failureLimit: 0 };
}

/** Exact for measurements that do not overlap, but for one over the border of two steps; detection leaves out the ramp. */
export function measuredThresholdOf(
  how: How,
  test: Rates,
  { product, line, every, window, failureLimit, count }: Measuring,
  perSecond: number,
): MeasuredThreshold | undefined {
  const at = (step: number) => ruleAt(step, test, { line, over: window, reached: false }, perSecond);
  const rule = at(how.steps[0]!);
  if (rule.n < 1 || rule.least > rule.n || lengthOf(how) < every) return undefined;
  const fails = how.steps.map((step) => windowAlarm(at(step), test.p0));
  const measurements = Math.min(count ?? Number.POSITIVE_INFINITY, Math.floor(lengthOf(how) / every));
  const steps = Array.from({ length: measurements }, (_, place) => Math.ceil(((place + 1) * every) / how.each) - 1);
  const found = windowAlarm(rule, test.p1);
  const most = count ?? FOLLOWED;
  return {
    product,
    every,
    window,
    failureLimit,
    falseAlarms: {
      perMeasurement: fails[0]!,
      perRelease: moreThan(
        failureLimit,
        steps.map((step) => fails[step]!),
      ),
    },
    detection: detectionOf(how, test, perSecond, every, (part) => {
      for (let taken = failureLimit + 1; taken <= Math.min(most, FOLLOWED); taken++)
        if (binomialTail(taken, found, failureLimit + 1) >= part) return taken;
      return Number.POSITIVE_INFINITY;
    }),
  };
}

/** The chance that more than so many of these independent trials fail. */
function moreThan(limit: number, chances: readonly number[]): number {
  let counts = [1, ...new Array<number>(limit).fill(0)];
  let more = 0;
  for (const chance of chances) {
    more += counts[limit]! * chance;
    counts = counts.map((one, k) => one * (1 - chance) + (k > 0 ? counts[k - 1]! * chance : 0));
  }
  return more;
}

function lengthOf({ steps, each }: How): Milliseconds {
  return steps.length * each;
}

function ruleAt(step: number, { chances }: Rates, { line, over, reached }: Threshold, perSecond: number): WindowRule {
  const n = Math.round((perSecond * step * chances * over) / 100_000);
  // A limit of 7 % of 100 is 7: guard the product against 7.000000000000001.
  const edge = Number((line * n).toPrecision(12));
  const least = reached ? Math.ceil(edge) : Math.floor(edge) + 1;
  return { n, least, looks: Math.max(1, Math.round(over / LOOK)) };
}

function detectionOf(
  how: How,
  { p1, chances, maturity }: Rates,
  perSecond: number,
  over: Milliseconds,
  windows: (part: number) => number,
): RawDetection {
  const first = (perSecond * how.steps[0]!) / 100_000;
  const [median, p90] = [0.5, 0.9].map((part) => {
    const span = windows(part) * over;
    if (span > FOLLOWED * over) return undefined;
    const waiting = waitingOf({ ...how, warmUp: 0 }, maturity, span + maturity, perSecond);
    return { seconds: (span + maturity) / 1000, bad: (span * first + waiting) * chances * p1 };
  });
  return { seconds: quantiles(median?.seconds, p90?.seconds), bad: quantiles(median?.bad, p90?.bad) };
}

function indexOf(chances: readonly number[], part: number): number {
  const index = chances.findIndex((chance) => chance >= part);
  return index < 0 ? Number.POSITIVE_INFINITY : index;
}

/** In any of some spans: a window over the border of two steps is left out, and bounds stay what they are. */
function inAny(spans: readonly Bounds[]): Bounds {
  const any = (key: keyof Bounds) => anyOf(spans.map((span) => span[key]));
  return { atLeast: any("atLeast"), about: any("about"), atMost: any("atMost") };
}

function anyOf(chances: readonly number[]): number {
  // No chance at all is 0, and not -0.
  return Math.abs(Math.expm1(chances.reduce((silent, chance) => silent + Math.log1p(-Math.min(chance, 1)), 0)));
}
