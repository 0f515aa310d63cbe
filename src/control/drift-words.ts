import type { Playbook } from "../core/playbook.ts";
import { minuteOfWeek } from "../core/time.ts";
import type { DriftAlarm, Drifted } from "../watch/drift-watch.ts";
import { badOf } from "../watch/rule.ts";
import { signalOf } from "./rules.ts";

/** What people are told of drift: what, since when, against what, and what it is worth. */
export function driftLines(alarm: DriftAlarm, playbook: Playbook): readonly string[] {
  return [
    ...alarm.because.map((drifted) => driftedSentence(drifted, playbook)),
    "Nothing was done: no other release serves beside it, so this rests on its own past. What changes for everybody, the season or the customers, looks the same; look at that first.",
    "A false one comes at most once a year on average, of all triggers together, while the reference is right; with a probability of 1 in 1,000 it is not.",
    `It is told once: \`rollbook acknowledge --system ${playbook.system} --reason "..."\` begins anew, and so does a day without an answer.`,
  ];
}

function driftedSentence(drifted: Drifted, playbook: Playbook): string {
  const { name, claim, since, counts, line, threshold, reference, learnt } = drifted;
  const signal = signalOf(playbook, drifted.signal);
  const n = counts.n.toLocaleString("en-US");
  const bad = badOf({ badIs: threshold === undefined && signal.better === "up" ? "rest" : "part" }, counts);
  const seen =
    counts.mean !== undefined
      ? `a mean of ${counts.mean.toFixed(3)} over ${n}, where ${line.toFixed(3)} is the line`
      : `${bad.toLocaleString("en-US")} ${threshold === undefined ? "bad" : `slower than ${Number(threshold.toPrecision(3))} s`} of ${n}, where ${percent(line)} is the line`;
  const size = reference?.n.toLocaleString("en-US");
  const against = !reference
    ? "the line is the trigger's own"
    : `the reference is ${learnt ? "the beginning of this watch" : "the window of its promotion"} (${size} observations)`;
  return `${name} ("${claim}"): since about ${minuteOfWeek(since)}, ${seen}; ${against}.`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
