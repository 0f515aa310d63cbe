import type { Criterion, Playbook, Signal, Trigger } from "../core/playbook.ts";
import { formatDuration } from "../core/time.ts";
import { claimOf, formatPercent } from "./claim.ts";
import type { LintFinding } from "./lint-playbook.ts";
import { medianAnswers, remedyOf } from "./physics/remedy.ts";
import { sayRemedy } from "./physics/say-remedy.ts";
import { momentOf } from "./physics/test-length.ts";
import { testOf } from "./physics/trigger-test.ts";
import { reckonCriterion } from "./reckoning.ts";

/** The error probability with which the linter reckons for a criterion of `fixed`. */
const CRITERION_ALPHA = 0.05;

const TWICE = 2;
/** Times the margin: a trigger that would miss the last of these decides nothing worth the name. */
const NEVER = 10;
const HARMS = [2.5, 3, 4, 5, 6, 8, NEVER] as const;

/** For each trigger and criterion: how many observations and how much time it needs, and whether it can have them. */
export function lintDecidability(playbook: Playbook): LintFinding[] {
  const found: LintFinding[] = [];
  if (playbook.trafficPerSecond === undefined) {
    found.push({
      level: "warning",
      name: "no-traffic",
      message:
        "The playbook states no traffic, so nobody can say how long a decision takes, or whether there will be one.",
      hint: "Add for example `traffic: 600 applications/s`.",
    });
  }
  for (const trigger of playbook.triggers) {
    const signal = playbook.signals.find((candidate) => candidate.name === trigger.signal);
    if (signal) found.push(lintTrigger(playbook, trigger, signal));
  }
  for (const criterion of playbook.fixed.criteria) {
    const signal = playbook.signals.find((candidate) => candidate.name === criterion.signal);
    if (signal) found.push(lintCriterion(playbook, criterion, signal));
  }
  return found;
}

function lintTrigger(playbook: Playbook, trigger: Trigger, signal: Signal): LintFinding {
  const { how, trafficPerSecond: perSecond } = playbook;
  const test = testOf(playbook, trigger, signal, TWICE);
  const first = how.steps[0] ?? 0;
  const answers = medianAnswers(playbook, test, perSecond);
  const about = `when.${trigger.name}`;
  const basis = `${test.assumes}, and a harm of twice the margin (${test.sayHarm})`;
  const needed = `"${claimOf(trigger, signal)}" needs ${sayCount(answers)} observations of the candidate at ${first}% in half of all cases (no test fewer than ${sayCount(test.bound(first / 100))} on average)`;
  if (perSecond === undefined) {
    const hint = "State `traffic` to see how long that takes.";
    return { level: "note", name: "decidable", about, message: `${needed}, ${basis}.`, hint };
  }
  const seconds = answers === undefined ? undefined : answers / (perSecond * (first / 100));
  const message = `${needed}, ${sayTime(seconds)} of the stated traffic, ${basis} and each request one of ${signal.of}.`;
  const span = momentOf(test, answers, how, perSecond);
  if (span !== undefined) {
    const late = test.maturity > 0 ? `; outcomes are compared when they are ${formatDuration(test.maturity)} old` : "";
    const hint = `The ramp gets there ${formatDuration(span)} after the first exposure${late}.`;
    return { level: "note", name: "decidable", about, message, hint };
  }
  const wanted = sayRemedy(remedyOf(playbook, trigger, signal, TWICE, perSecond), trigger, signal);
  const smallest = smallestDecidable(playbook, trigger, signal, perSecond);
  if (smallest === undefined) {
    const hint = `${wanted} The whole release cannot tell even ${NEVER} times the margin from no harm.`;
    return { level: "error", name: "undecidable", about, message, hint };
  }
  const hint = `${wanted} As it is, the whole release decides harm from ${smallest.sayHarm} on; smaller harm stays inconclusive.`;
  return { level: "warning", name: "blind-spot", about, message, hint };
}

/** The test of the smallest of these harms that half of all releases decide; undefined when none of them. */
function smallestDecidable(playbook: Playbook, trigger: Trigger, signal: Signal, perSecond: number) {
  return HARMS.map((times) => testOf(playbook, trigger, signal, times)).find(
    (test) => momentOf(test, medianAnswers(playbook, test, perSecond), playbook.how, perSecond) !== undefined,
  );
}

function lintCriterion(playbook: Playbook, criterion: Criterion, signal: Signal): LintFinding {
  const { needs, assumes } = reckonCriterion(playbook, criterion, signal, CRITERION_ALPHA);
  const about = `fixed.${criterion.signal}`;
  const basis = `${assumes}, with ${formatPercent(CRITERION_ALPHA)} doubt and a long window of stable before the release`;
  const message = `To prove that ${claimOf(criterion, signal)} takes at least ${sayCount(needs)} observations`;
  if (playbook.trafficPerSecond === undefined) {
    const hint = "State `traffic` to see how long that takes.";
    return { level: "note", name: "decidable", about, message: `${message}, ${basis}.`, hint };
  }
  const seconds = needs / playbook.trafficPerSecond;
  const said = `${message}, ${sayTime(seconds)} of the stated traffic, ${basis}.`;
  return { about, message: said, ...judgeTime(playbook, seconds * 1000) };
}

function judgeTime(playbook: Playbook, span: number): Pick<LintFinding, "level" | "name" | "hint"> {
  const { fixed, how } = playbook;
  if (span <= fixed.for) return { level: "note", name: "decidable", hint: "That fits into `for`." };
  const hint = `Write \`for: ${Number.isFinite(span) ? `${Math.ceil(span / 1000)}s\`` : "...` longer"} or a wider criterion.`;
  if (span <= how.within)
    return { level: "warning", name: "slow-criterion", hint: `That is longer than \`for\`. ${hint}` };
  return { level: "error", name: "undecidable", hint: `That is longer than \`for\` and \`within\` are. ${hint}` };
}

function sayCount(count: number | undefined): string {
  return count !== undefined && Number.isFinite(count) ? Math.ceil(count).toLocaleString("en-US") : "infinitely many";
}

function sayTime(seconds: number | undefined): string {
  return seconds !== undefined && Number.isFinite(seconds) ? formatDuration(seconds * 1000) : "for ever";
}
