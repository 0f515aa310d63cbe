import type { Playbook, Signal, Trigger } from "../../core/playbook.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { Stated } from "../assumption.ts";
import { medianAnswers, type Remedy, remedyOf } from "./remedy.ts";
import { momentOf } from "./test-length.ts";
import { type TriggerTest, testOf } from "./trigger-test.ts";

/**
 * `decides`: half of all cases of the harm are decided within the planned release. `blind-spot`: only greater harm is.
 * `undecidable`: not even ten times the margin is, or not the harm that was stated.
 */
export type Decidability = "decides" | "blind-spot" | "undecidable";

export interface Judgement {
  readonly kind: Decidability;
  /** The test of the harm that is reckoned with. */
  readonly test: TriggerTest;
  /** Answers at the first step's share until half of all cases are decided. */
  readonly answers: number | undefined;
  /** When that is, from the first exposure on. */
  readonly moment: Milliseconds | undefined;
  /** What would make it decide; absent where it does. */
  readonly remedy?: Remedy;
  /** Of a blind spot: the least harm that is decided, in words. */
  readonly smallest?: string;
}

/** The harm that is reckoned with where nobody stated one, in times the margin. */
export const TWICE = 2;
/** Who would miss the last of these decides nothing worth the name. */
export const HARMS = [2.5, 3, 4, 5, 6, 8, 10] as const;

export function judge(
  playbook: Playbook,
  trigger: Trigger,
  signal: Signal,
  perSecond: number,
  stated: Stated = {},
): Judgement {
  const momentAt = (test: TriggerTest) =>
    momentOf(test, medianAnswers(playbook, test, perSecond), playbook.how, perSecond);
  const test = testOf(playbook, trigger, signal, TWICE, stated);
  const answers = medianAnswers(playbook, test, perSecond);
  const moment = momentAt(test);
  const head = { test, answers, moment };
  if (moment !== undefined) return { kind: "decides", ...head };
  const remedy = remedyOf(playbook, trigger, signal, TWICE, perSecond, stated);
  if (stated.harms?.has(signal.name)) return { kind: "undecidable", ...head, remedy };
  const smallest = HARMS.map((times) => testOf(playbook, trigger, signal, times, stated)).find(
    (greater) => momentAt(greater) !== undefined,
  );
  return smallest
    ? { kind: "blind-spot", ...head, remedy, smallest: smallest.sayHarm }
    : { kind: "undecidable", ...head, remedy };
}
