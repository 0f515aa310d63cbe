import type { Criterion, Playbook, Signal, Trigger } from "../core/playbook.ts";
import { formatDuration, type Milliseconds } from "../core/time.ts";
import { claimOf, formatPercent } from "./claim.ts";
import { maturityOf } from "./lint-labels.ts";
import type { LintFinding } from "./lint-playbook.ts";
import { reckonCriterion, reckonTrigger } from "./reckoning.ts";
import { decidedAfter, smallestDecidable } from "./release-evidence.ts";

/** The error probability with which the linter reckons for a criterion of `fixed`. */
const CRITERION_ALPHA = 0.05;

/** A trigger that would miss a harm of this many times its margin decides nothing worth the name. */
const NEVER = 10;

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
  const windows = windowsOf(how, trigger.within);
  const alpha = playbook.falseAlarms / playbook.triggers.length / windows;
  const { needs, sayHarm, assumes } = reckonTrigger(playbook, trigger, signal, alpha);
  const first = how.steps[0] ?? 0;
  const atFirst = needs(2, first / 100);
  const about = `when.${trigger.name}`;
  const shared = windows > 1 ? `, the false alarms shared by ${windows} such spans of the release` : "";
  const basis = `${assumes}${shared}, and a harm of twice the margin (${sayHarm(2)})`;
  const needed = `"${claimOf(trigger, signal)}" needs at least ${sayCount(atFirst)} observations of the candidate`;
  if (perSecond === undefined) {
    const hint = "State `traffic` to see how long that takes.";
    return { level: "note", name: "decidable", about, message: `${needed} at ${first}%, ${basis}.`, hint };
  }
  const seconds = atFirst / (perSecond * (first / 100));
  const message = `${needed}, ${sayTime(seconds)} at ${first}% of the stated traffic, ${basis} and each request one of ${signal.of}.`;
  const question = { how, perSecond, within: trigger.within };
  const span = decidedAfter({ ...question, needs: (share) => needs(2, share) });
  if (span !== undefined) {
    const old = maturityOf(signal);
    const late = old > 0 ? `; outcomes are compared when they are ${formatDuration(old)} old` : "";
    const hint = `The ramp gets there ${formatDuration(span)} after the first exposure at the earliest${late}.`;
    return { level: "note", name: "decidable", about, message, hint };
  }
  const smallest = smallestDecidable({ ...question, needs }, NEVER);
  const window = trigger.within === undefined ? "" : ", `within` longer";
  const wanted = `Make the steps longer, the canary larger${window} or the margin wider`;
  if (smallest === undefined) {
    const hint = `${wanted}: the whole release cannot tell even ${NEVER} times the margin from no harm.`;
    return { level: "error", name: "undecidable", about, message, hint };
  }
  const hint = `${wanted}: the whole release decides harm from ${sayHarm(smallest)} on; smaller harm stays inconclusive.`;
  return { level: "warning", name: "blind-spot", about, message, hint };
}

/** How many spans of `within` the release has: a claim about a recent change can raise a false alarm in each. */
function windowsOf({ steps, each }: Playbook["how"], within: Milliseconds | undefined): number {
  return within === undefined ? 1 : Math.max(1, Math.ceil((steps.length * each) / within));
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

function sayCount(count: number): string {
  return Number.isFinite(count) ? Math.ceil(count).toLocaleString("en-US") : "infinitely many";
}

function sayTime(seconds: number): string {
  return Number.isFinite(seconds) ? formatDuration(seconds * 1000) : "for ever";
}
