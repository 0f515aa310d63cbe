import type { Criterion, Playbook, Signal, Trigger } from "../core/playbook.ts";
import { formatDuration } from "../core/time.ts";
import { claimOf, formatPercent } from "./claim.ts";
import type { LintFinding } from "./lint-playbook.ts";
import { HARMS, judge, TWICE } from "./physics/decidability.ts";
import { medianAnswers } from "./physics/remedy.ts";
import { sayRemedy } from "./physics/say-remedy.ts";
import { type TriggerTest, testOf } from "./physics/trigger-test.ts";
import { reckonCriterion } from "./reckoning.ts";

/** The error probability with which the linter reckons for a criterion of `fixed`. */
const CRITERION_ALPHA = 0.05;

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
  const perSecond = playbook.trafficPerSecond;
  return perSecond === undefined
    ? lintWithoutTraffic(playbook, trigger, signal)
    : lintWithTraffic(playbook, trigger, signal, perSecond);
}

function lintWithoutTraffic(playbook: Playbook, trigger: Trigger, signal: Signal): LintFinding {
  const test = testOf(playbook, trigger, signal, TWICE);
  const answers = medianAnswers(playbook, test, undefined);
  const message = `${sayNeed(playbook, test, answers)}, ${sayBasis(test)}.`;
  const hint = "State `traffic` to see how long that takes.";
  return { level: "note", name: "decidable", about: `when.${trigger.name}`, message, hint };
}

function lintWithTraffic(playbook: Playbook, trigger: Trigger, signal: Signal, perSecond: number): LintFinding {
  const { kind, test, answers, moment, remedy = {}, smallest } = judge(playbook, trigger, signal, perSecond);
  const seconds = answers === undefined ? undefined : answers / (perSecond * (playbook.how.steps[0]! / 100));
  const about = `when.${trigger.name}`;
  const message = `${sayNeed(playbook, test, answers)}, ${sayTime(seconds)} of the stated traffic, ${sayBasis(test)} and each request one of ${signal.of}.`;
  if (moment !== undefined) {
    const late = test.maturity > 0 ? `; outcomes are compared when they are ${formatDuration(test.maturity)} old` : "";
    const hint = `The ramp gets there ${formatDuration(moment)} after the first exposure${late}.`;
    return { level: "note", name: "decidable", about, message, hint };
  }
  const wanted = sayRemedy(remedy, trigger, signal);
  if (kind === "undecidable") {
    const hint = `${wanted} The whole release cannot tell even ${HARMS.at(-1)} times the margin from no harm.`;
    return { level: "error", name: "undecidable", about, message, hint };
  }
  const hint = `${wanted} As it is, the whole release decides harm from ${smallest} on; smaller harm stays inconclusive.`;
  return { level: "warning", name: "blind-spot", about, message, hint };
}

function sayNeed({ how }: Playbook, test: TriggerTest, answers: number | undefined): string {
  const first = how.steps[0] ?? 0;
  const least = sayCount(test.bound(first / 100));
  return `"${claimOf(test.trigger, test.signal)}" needs ${sayCount(answers)} observations of the candidate at ${first}% in half of all cases (no test fewer than ${least} on average)`;
}

function sayBasis({ assumes, sayHarm }: TriggerTest): string {
  return `${assumes}, and a harm of twice the margin (${sayHarm})`;
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
