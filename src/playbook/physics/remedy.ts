import { isUnbounded, type Playbook, type Signal, type Trigger } from "../../core/playbook.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { Stated } from "../assumption.ts";
import { lawOf, lengthOf, momentOf } from "./test-length.ts";
import { type TriggerTest, testOf } from "./trigger-test.ts";

/** What would make a trigger decidable, each by itself and rounded up; absent where nothing in reason would. */
export interface Remedy {
  /** Answers of both sides a second. */
  readonly perSecond?: number;
  /** How long each step has to be. */
  readonly each?: Milliseconds;
  /** The span within which a recent change must show. */
  readonly within?: Milliseconds;
  /** The trigger's margin or limit, in its own unit. */
  readonly margin?: number;
}

/** Answers at the first step's share until a harm is decided in half of all cases. */
export function medianAnswers({ how }: Playbook, test: TriggerTest, perSecond: number | undefined): number | undefined {
  const first = (how.steps[0] ?? 0) / 100;
  return lengthOf(test, lawOf(test, "harm", first, perSecond), 0.5).answers;
}

const MOST_TRAFFIC = 1e9;
const LONGEST: Milliseconds = 366 * 86_400_000;
const WIDER = [1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 100];
const LONGER = [1.5, 2, 3, 4, 6, 8, 12, 24, 48, 100];
/** Where the harm is stated, it is a narrower margin that leaves more of it. */
const NARROWER = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];

/**
 * The least traffic, length of the steps and change of the margin with which the harm would be decided within the planned release
 * in half of all cases: the first two by bisection at the answers that the test needs now, the margin along a ladder. Longer steps
 * do nothing for a claim about a recent change, whose memory stays as short.
 */
export function remedyOf(
  playbook: Playbook,
  trigger: Trigger,
  signal: Signal,
  times: number,
  perSecond: number,
  stated: Stated = {},
): Remedy {
  const { how } = playbook;
  const test = testOf(playbook, trigger, signal, times, stated);
  const answers = medianAnswers(playbook, test, perSecond);
  const traffic = least(MOST_TRAFFIC / perSecond, (factor) => momentOf(test, answers, how, perSecond * factor));
  const enough =
    traffic === undefined
      ? undefined
      : confirmed(perSecond * traffic, (rate) => {
          return momentOf(test, medianAnswers(playbook, test, rate), how, rate) !== undefined;
        });
  const each = least(trigger.within === undefined ? LONGEST / how.each : 1, (factor) =>
    momentOf(test, answers, { ...how, each: how.each * factor }, perSecond),
  );
  const decides = (other: Trigger) => {
    const changed = testOf(playbook, other, signal, times, stated);
    return momentOf(changed, medianAnswers(playbook, changed, perSecond), how, perSecond) !== undefined;
  };
  const within = trigger.within === undefined ? [] : LONGER.map((factor) => trigger.within! * factor);
  const longer = within.find((span) => span <= how.steps.length * how.each && decides({ ...trigger, within: span }));
  const ladder = stated.harms?.has(signal.name) ? NARROWER : WIDER;
  const changed = ladder.flatMap((factor) => widened(trigger, signal, factor) ?? []).find(decides);
  return {
    ...(enough === undefined ? {} : { perSecond: enough }),
    ...(each === undefined ? {} : { each: Math.ceil((how.each * each) / 1000) * 1000 }),
    ...(longer === undefined ? {} : { within: longer }),
    ...(changed === undefined ? {} : { margin: marginOf(changed) }),
  };
}

/** The same claim with a margin so many times as wide; undefined where its scale ends before. */
function widened(trigger: Trigger, signal: Signal, factor: number): Trigger | undefined {
  const round = (value: number) => Number(value.toPrecision(3));
  if (trigger.kind === "slows") return { ...trigger, by: round(trigger.by * factor) };
  const endless = signal.kind === "count" || isUnbounded(signal);
  const [low, high] = endless ? [0, Number.POSITIVE_INFINITY] : (signal.range ?? [0, 1]);
  if (trigger.kind === "limit") {
    const from = signal.better === "down" ? low : high;
    const limit = round(from + (trigger.limit - from) * factor);
    return limit > low && limit < high ? { ...trigger, limit } : undefined;
  }
  const value = round(trigger.by.value * factor);
  // What is good falls by no more than all of it, and a score no further than its scale.
  const relative = signal.better === "up" ? (endless ? 1 : (high - low) / high) : low > 0 ? (high - low) / low : 100;
  const most = trigger.by.kind === "points" ? high - low : Math.min(100, relative);
  return value < most ? { ...trigger, by: { ...trigger.by, value } } : undefined;
}

function marginOf(trigger: Trigger): number {
  if (trigger.kind === "limit") return trigger.limit;
  return trigger.kind === "slows" ? trigger.by : trigger.by.value;
}

/** The least factor above 1 with a moment, to a hundredth; undefined when not even `most` has one. */
function least(most: number, moment: (factor: number) => Milliseconds | undefined): number | undefined {
  if (!(most > 1) || moment(most) === undefined) return undefined;
  let [fails, holds] = [1, most];
  while (holds / fails > 1.01) {
    const middle = Math.sqrt(fails * holds);
    if (moment(middle) === undefined) fails = middle;
    else holds = middle;
  }
  return holds;
}

/** The answers that a test needs move a little with the traffic, so what was found is asked again as it would be. */
function confirmed(found: number, decides: (perSecond: number) => boolean): number | undefined {
  let rate = roundUp(found);
  for (let tries = 0; tries < 20; tries++) {
    if (decides(rate)) return rate;
    rate = roundUp(rate * 1.02);
  }
  return undefined;
}

/** Up, to two digits. */
function roundUp(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Number((Math.ceil(value / unit - 1e-9) * unit).toPrecision(6));
}
