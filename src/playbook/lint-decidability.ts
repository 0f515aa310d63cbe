import type { Criterion, Playbook, Signal, Trigger } from "../core/playbook.ts";
import { formatDuration } from "../core/time.ts";
import { informationBound } from "../statistics/information-bound.ts";
import { assumedBaseline } from "./assumption.ts";
import { type BadnessNull, claimOf, compileNull, formatPercent } from "./claim.ts";
import type { LintFinding } from "./lint-playbook.ts";
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

/**
 * The badness at some times the margin: that many times as far from the baseline as the null's edge is (for a limit:
 * that many times the limit); never nearer to certainty than half way from the edge.
 */
function harmOf(times: number, nothing: BadnessNull, baseline: number): number {
  const edge = nothing.ratio * baseline + nothing.points;
  const harm = nothing.ratio === 0 ? times * edge : baseline + times * (edge - baseline);
  return Math.min(harm, (1 + edge) / 2);
}

function lintTrigger(playbook: Playbook, trigger: Trigger, signal: Signal): LintFinding {
  const nothing = compileNull(trigger, signal);
  const assumed = assumedBaseline(playbook, signal);
  const p0 = assumed.badness;
  const p1 = harmOf(2, nothing, p0);
  const alpha = playbook.falseAlarms / playbook.triggers.length;
  const first = playbook.how.steps[0] ?? 0;
  const atFirst = informationBound({ p1, p0, share: first / 100, ...nothing, alpha });
  const about = `when.${trigger.name}`;
  const basis = `${assumed.says}, and a harm of twice the margin (${sayRate(signal, p1)})`;
  const needs = `"${claimOf(trigger, signal)}" needs at least ${sayCount(atFirst)} observations of the candidate`;
  if (playbook.trafficPerSecond === undefined) {
    const hint = "State `traffic` to see how long that takes.";
    return { level: "note", name: "decidable", about, message: `${needs} at ${first}%, ${basis}.`, hint };
  }
  const perSecond = playbook.trafficPerSecond;
  const question = { how: playbook.how, perSecond, nothing, p0, alpha };
  const seconds = atFirst / (perSecond * (first / 100));
  const message = `${needs}, ${sayTime(seconds)} at ${first}% of the stated traffic, ${basis} and each request one of ${signal.of}.`;
  const span = decidedAfter({ ...question, p1 });
  if (span !== undefined) {
    const hint = `The ramp gets there ${formatDuration(span)} after the first exposure at the earliest.`;
    return { level: "note", name: "decidable", about, message, hint };
  }
  const smallest = smallestDecidable(question);
  const wanted = "Make the steps longer, the canary larger or the margin wider";
  if (smallest === undefined || smallest > harmOf(NEVER, nothing, p0)) {
    const hint = `${wanted}: the whole release cannot tell even ${NEVER} times the margin from no harm.`;
    return { level: "error", name: "undecidable", about, message, hint };
  }
  const hint = `${wanted}: the whole release decides harm from ${sayRate(signal, smallest)} on; smaller harm stays inconclusive.`;
  return { level: "warning", name: "blind-spot", about, message, hint };
}

function lintCriterion(playbook: Playbook, criterion: Criterion, signal: Signal): LintFinding {
  const acceptable = compileNull(criterion, signal);
  const assumed = assumedBaseline(playbook, signal);
  const edge = acceptable.ratio * assumed.badness + acceptable.points;
  // Proving "good enough" is telling the true rate from the edge of the acceptable, seen from the other side.
  const needed = informationBound({
    p1: 1 - assumed.badness,
    p0: 1 - assumed.badness,
    share: 0,
    ratio: 0,
    points: 1 - Math.min(edge, 1),
    alpha: CRITERION_ALPHA,
  });
  const about = `fixed.${criterion.signal}`;
  const basis = `${assumed.says}, with ${formatPercent(CRITERION_ALPHA)} doubt and a long window of stable before the release`;
  const message = `To prove that ${claimOf(criterion, signal)} takes at least ${sayCount(needed)} observations`;
  if (playbook.trafficPerSecond === undefined) {
    const hint = "State `traffic` to see how long that takes.";
    return { level: "note", name: "decidable", about, message: `${message}, ${basis}.`, hint };
  }
  const seconds = needed / playbook.trafficPerSecond;
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

function sayRate(signal: Signal, badness: number): string {
  const rate = signal.better === "down" ? badness : 1 - badness;
  return `${formatPercent(Number(rate.toPrecision(3)))} ${signal.part}`;
}

function sayCount(count: number): string {
  return Number.isFinite(count) ? Math.ceil(count).toLocaleString("en-US") : "infinitely many";
}

function sayTime(seconds: number): string {
  return Number.isFinite(seconds) ? formatDuration(seconds * 1000) : "for ever";
}
