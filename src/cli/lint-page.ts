import type { Physics, Quantiles, RawThreshold, TriggerPhysics } from "../operations/check.ts";
import { between, count, odds, part, ruleWords, span } from "./physics-words.ts";

/** The numbers of `rollbook check`, a few lines each, with what the playbook itself states. */
export function lintPage({ triggers, steps }: Physics): string {
  return triggers.map((trigger) => triggerLines(trigger, steps[0]!).join("\n  ")).join("\n");
}

type RawDetection = RawThreshold["detection"];

function triggerLines(trigger: TriggerPhysics, first: number): readonly string[] {
  const { name, claim, harm, detection, falseAlarms, safety, money, canary } = trigger;
  const most = falseAlarms.approximate ? "about" : "at most";
  return [
    `when.${name}: ${claim}; reckoned with ${harm}`,
    `found: ${detected(detection.seconds, detection.bad ?? detection.answers, detection.bad ? "bad answers" : "answers")}`,
    `false alarms: ${most} ${odds(falseAlarms.atMargin)} releases at the margin, ${most} ${odds(falseAlarms.asStable)} as good as stable`,
    `proved safe: half ${span(safety.seconds.median)}, nine of ten ${span(safety.seconds.p90)}`,
    ...(money
      ? [
          `at stake until decided: half at most ${count(money.decided.median)} ${money.currency}, nine of ten ${count(money.decided.p90)}`,
        ]
      : []),
    ...(canary ? [`canary: up to ${canary.most} % wastes hardly an answer; the first step has ${first} %`] : []),
    ...insteadLines(trigger),
  ];
}

function insteadLines({ raw, measured }: TriggerPhysics): readonly string[] {
  const line = (what: string, alarms: string, { seconds, bad }: RawDetection) =>
    `${what} instead: false alarms in ${alarms}; found: ${detected(seconds, bad, "bad answers")}`;
  return [
    ...(raw ? [line("a plain threshold", between(raw.falseAlarms.perRelease, "sound releases"), raw.detection)] : []),
    ...(measured
      ? [line(ruleWords(measured), part(measured.falseAlarms.perRelease, "sound releases"), measured.detection)]
      : []),
  ];
}

function detected(seconds: Quantiles, counted: Quantiles, what: string): string {
  return `half ${span(seconds.median)} and ${count(counted.median)} ${what}, nine of ten ${span(seconds.p90)} and ${count(counted.p90)}`;
}
