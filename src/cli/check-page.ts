import type { LimitPhysics, Physics, Quantiles, RawThreshold, TriggerPhysics } from "../operations/check.ts";
import { between, count, duration, number, odds, part, ruleWords, span } from "./physics-words.ts";

/** What a playbook's triggers can do, one block each; docs/check.md explains every number. */
export function checkPage(physics: Physics): string {
  const { system, perSecond, falseAlarms, steps, eachSeconds, triggers, hardLimits } = physics;
  const head = `${system}: ${number(perSecond)} answers/s, ${steps.map((step) => `${step} %`).join(", ")} of them for ${duration(eachSeconds)} each; all triggers together roll back at most ${odds(falseAlarms)} sound releases`;
  return [head, ...triggers.map((trigger) => triggerBlock(trigger, steps[0]!)), ...hardLimits.map(limitBlock)].join(
    "\n\n",
  );
}

type Row = readonly [name: string, says: string];

function block(title: string, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return [title, ...rows.map(([name, says]) => `  ${name.padEnd(width)}${says}`)].join("\n");
}

function triggerBlock(trigger: TriggerPhysics, first: number): string {
  const { name, claim, harm, assumes, wouldDecide } = trigger;
  const rows: Row[] = [
    ["harm", `${harm}, from its first answer on; ${assumes}`],
    ...verdictRows(trigger),
    ["detection", detection(trigger)],
    ["false alarms", falseAlarms(trigger)],
    ["proved safe", provedSafe(trigger)],
    ...moneyRows(trigger),
    ...canaryRows(trigger, first),
    ...rawRows(trigger),
  ];
  return block(`${name}: ${claim}${wouldDecide ? `: ${trigger.kind.replace("-", " ").toUpperCase()}` : ""}`, rows);
}

function verdictRows({ kind, wouldDecide, smallest }: TriggerPhysics): readonly Row[] {
  if (!wouldDecide) return [];
  const rest = kind === "blind-spot" ? ` As it is, the ramp decides harm from ${smallest} on.` : "";
  return [["undecided", `fewer than half of such releases are decided within the ramp. ${wouldDecide.says}${rest}`]];
}

function detection({ detection: { bad, answers, seconds, waiting } }: TriggerPhysics): string {
  const counted = bad ?? answers;
  if (counted.bound === undefined) return "never: this harm lies within the margin";
  const what = bad ? "bad answers" : "answers";
  const awaited = waiting > 0 ? `; ${count(waiting)} answers of that go out before outcomes count` : "";
  return `half of such releases ${span(seconds.median)} and ${count(counted.median)} ${what}, nine of ten ${span(seconds.p90)} and ${count(counted.p90)} (upper bounds; no test gets by with fewer than ${count(counted.bound)} on average)${awaited}`;
}

function falseAlarms({ falseAlarms: { atMargin, asStable, approximate } }: TriggerPhysics): string {
  if (approximate)
    return `about ${odds(atMargin)} releases exactly at the margin, about ${odds(asStable)} as good as stable: approximately (asymptotic)`;
  return `at most ${odds(atMargin)} releases exactly at the margin, at most ${odds(asStable)} as good as stable`;
}

function provedSafe({ safety: { answers, seconds } }: TriggerPhysics): string {
  return `half of the releases that are as good as stable ${span(seconds.median)} and ${count(answers.median)} answers, nine of ten ${span(seconds.p90)} and ${count(answers.p90)}`;
}

function moneyRows({ money }: TriggerPhysics): readonly Row[] {
  if (!money) return [];
  const amount = (value: number | undefined) =>
    value === undefined ? "more than is reckoned" : `${count(value)} ${money.currency}`;
  const both = ({ median, p90 }: Quantiles) => `half at most ${amount(median)}, nine of ten at most ${amount(p90)}`;
  return [
    [
      "at stake",
      `until decided ${both(money.decided)}; if all of \`within\` passes before it is back, ${both(money.restored)}`,
    ],
  ];
}

function canaryRows({ canary }: TriggerPhysics, first: number): readonly Row[] {
  if (!canary) return [];
  const now = `${first} % serves ${number(canary.late)} bad ones in the ${duration(canary.latency / 1000)} that outcomes travel`;
  return [["canary", `up to ${canary.most} % wastes hardly an answer; ${now}`]];
}

function rawRows({ raw, measured, imported }: TriggerPhysics): readonly Row[] {
  return [
    ...(raw ? ([["instead", `a plain threshold ${rawText(raw)}`]] satisfies Row[]) : []),
    ...(measured
      ? ([
          [
            "",
            `${imported ? "as imported: " : ""}${ruleWords(measured)}: rolls back ${part(measured.falseAlarms.perRelease, "sound releases")}; ${found(measured)}`,
          ],
        ] satisfies Row[])
      : []),
    ...(imported && !measured ? ([["imported", `${ruleWords(imported)}: not reckoned`]] satisfies Row[]) : []),
  ];
}

function rawText({
  over,
  answers,
  least,
  falseAlarms: { perWindow, perRelease, perDay },
  detection: raw,
}: RawThreshold): string {
  return `over ${duration(over / 1000)} (${count(least)} of ${count(answers)}): false alarms in ${part(perWindow, "windows")}, ${between(perRelease, "sound releases")}, ${between(perDay, "days at the first step")}; ${found({ detection: raw })}`;
}

function found({ detection: { seconds, bad } }: Pick<RawThreshold, "detection">): string {
  return `finds half of the harm ${span(seconds.median)} and ${count(bad.median)} bad answers, nine of ten ${span(seconds.p90)} and ${count(bad.p90)}`;
}

function limitBlock({ name, claim, baseline, harm, window, run }: LimitPhysics): string {
  if (run) {
    const says = `by chance ${number(run.perRelease)} times in a release, ${number(run.perDay)} times in a day at the first step, where ${baseline} is normal`;
    return block(`${name}: ${claim}`, [["run", says]]);
  }
  const says = window
    ? rawText(window)
    : "never has that many answers in its window at the first step, so it judges nothing there";
  return block(`${name}: ${claim}`, [["hard limit", `normally ${baseline}, harm ${harm}: ${says}`]]);
}
