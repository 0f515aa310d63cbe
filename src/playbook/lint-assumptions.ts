import { isUnbounded, type Playbook, type Signal, type Trigger } from "../core/playbook.ts";
import { formatDuration } from "../core/time.ts";
import type { LintFinding } from "./lint-playbook.ts";

/** Stable is watched for so many times `fixed.for` before a release, at least. */
const WINDOW = 1.6;

/** Claims whose promise is less than the usual one: what they assume, and whether that can be known. */
export function lintAssumptions(playbook: Playbook): readonly LintFinding[] {
  const signalOf = (name: string) => playbook.signals.find((signal) => signal.name === name);
  return [
    ...playbook.triggers.flatMap((trigger) => {
      const signal = signalOf(trigger.signal);
      if (trigger.threshold !== undefined) return [calibrated(playbook, trigger)];
      return signal && isUnbounded(signal) ? [approximate(playbook, trigger, signal)] : [];
    }),
    ...playbook.signals.flatMap((signal) => thinWindow(playbook, signal)),
  ];
}

function approximate({ falseAlarms, triggers }: Playbook, { name }: Trigger, { min = 0, of }: Signal): LintFinding {
  const part = Math.round(triggers.length / falseAlarms).toLocaleString("en-US");
  return {
    level: "note",
    name: "approximate",
    about: `when.${name}`,
    message: `\`${name}\` is judged approximately (asymptotic), from ${min.toLocaleString("en-US")} ${of} of each side on: its part of the false alarms, 1 in ${part} releases, holds while values spread as stable's did before the release. The others' parts do not depend on it.`,
    hint: "Where values have ends, say them with `between`: then it is exact, from the first observation on.",
  };
}

/** A comparison is walked at one share: that of a release with one step. */
function calibrated({ falseAlarms, triggers, how }: Playbook, { name, kind }: Trigger): LintFinding {
  const about = `when.${name}.threshold`;
  if (kind === "compare" && how.steps.length > 1) {
    return {
      level: "error",
      name: "not-calibrated",
      about,
      message: `\`${name}\` compares with stable, and a calibrated threshold is exact for one constant share of the traffic only; this release has ${how.steps.join(", ")} %.`,
      hint: "Write a canary of one step, claim a limit (`above`, `below`), or leave `threshold` out.",
    };
  }
  const part = Math.round(triggers.length / falseAlarms).toLocaleString("en-US");
  const split = kind === "compare" ? `, ${how.steps[0]} % of them the candidate's at any time` : "";
  const rare = kind === "compare" ? " While more than 3 % of stable's are bad, the usual threshold holds." : "";
  return {
    level: "note",
    name: "approximate",
    about,
    message: `The threshold of \`${name}\` is calibrated: its part of the false alarms, 1 in ${part} releases, assumes independent outcomes${split}, judged at each; outcomes that come in bursts break it.${rare}`,
    hint: "Leave `threshold` out where you are not sure: the usual one assumes none of this.",
  };
}

function thinWindow({ trafficPerSecond, fixed }: Playbook, signal: Signal): readonly LintFinding[] {
  if (!isUnbounded(signal) || trafficPerSecond === undefined) return [];
  const { name, min = 0, of } = signal;
  const span = WINDOW * fixed.for;
  const seen = Math.floor((trafficPerSecond * span) / 1000);
  if (seen >= min) return [];
  return [
    {
      level: "error",
      name: "thin-window",
      about: `signals.${name}`,
      message: `\`${name}\` needs ${min.toLocaleString("en-US")} ${of} of stable before a release, to know how far they spread; in the ${formatDuration(span)} that stable is watched for there are ${seen.toLocaleString("en-US")}.`,
      hint: `Write \`for: ${Math.ceil(min / trafficPerSecond / WINDOW)}s\` in \`fixed\` or longer, or say the ends of the values with \`between\`.`,
    },
  ];
}
