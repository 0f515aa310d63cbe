import {
  isReportedAsItComes,
  isReportedLater,
  maturityOf,
  type Playbook,
  type Signal,
  UNIT_MATURITY,
} from "../core/playbook.ts";
import { formatDuration, type Milliseconds } from "../core/time.ts";
import type { LintFinding } from "./lint-playbook.ts";

/** Outcomes that become known late: after whoever waits for them has gone, or later than somebody may think. */
export function lintLabels(playbook: Playbook): readonly LintFinding[] {
  const { signals, triggers } = playbook;
  const claimedBy = (some: Playbook["triggers"]) =>
    signals.filter(({ name }) => some.some(({ signal }) => signal === name));
  return [
    ...lintTooLate(playbook),
    ...signals.flatMap(lintUnits),
    ...claimedBy(triggers).flatMap(lintParts),
    ...claimedBy(triggers.filter(({ kind }) => kind !== "limit")).flatMap(lintUndeclared),
  ];
}

function lintUnits({ name, per, labels }: Signal): readonly LintFinding[] {
  if (per === undefined || labels !== undefined) return [];
  return [
    {
      level: "note",
      name: "late-units",
      about: `signals.${name}`,
      message: `One observation of \`${name}\` is one ${per}, and a second is compared when it is ${formatDuration(UNIT_MATURITY)} old.`,
      hint: "Say with `labels` how long after a request its outcome is known for certain, for example `labels: 30s`.",
    },
  ];
}

/** Requests are counted at their end, and what is reported of them counts for those that are old enough. */
function lintParts(signal: Signal): readonly LintFinding[] {
  const { name, part, labels } = signal;
  if (labels !== undefined || !isReportedLater(signal)) return [];
  return [
    {
      level: "note",
      name: "late-parts",
      about: `signals.${name}`,
      message: `The gateway counts the requests of \`${name}\`, and ${part} is reported later: a second is compared when it is ${formatDuration(UNIT_MATURITY)} old, and what is reported after that is no evidence.`,
      hint: "Say with `labels` how long after a request that is known for certain, for example `labels: 30s`.",
    },
  ];
}

/** Of what comes as it comes a claim is only as good as the arms are alike in how long outcomes take. */
function lintUndeclared(signal: Signal): readonly LintFinding[] {
  if (!isReportedAsItComes(signal)) return [];
  return [
    {
      level: "note",
      name: "undeclared-labels",
      about: `signals.${signal.name}`,
      message: `Outcomes of \`${signal.name}\` are compared as they come. Where those of one arm, or the bad ones, become known sooner, a sound release looks bad before the rest is there; where the candidate's come later than stable's, harm is found later, and none before its seconds are looked at again (5 s, 15 s, 2 min, 15 min).`,
      hint: "Unless they are reported with the answer, say how long they take, for example `labels: 30s`: then seconds are compared when they are that old.",
    },
  ];
}

function lintTooLate({ signals, triggers, fixed, how }: Playbook): readonly LintFinding[] {
  const labelsOf = new Map(signals.map((signal) => [signal.name, maturityOf(signal)]));
  const watched = how.steps.length * how.each + (how.holdbackFor ?? 0);
  const claims = triggers.map(({ name, signal, within = Number.POSITIVE_INFINITY }) => {
    const inside = within < watched || within <= (labelsOf.get(signal) ?? 0);
    return {
      about: `when.${name}`,
      signal,
      // Nothing is left of it to gather evidence in where labels take as long.
      least: within,
      span: Math.min(within, watched),
      window: inside ? "this trigger's `within`" : "the release and its holdback together",
      so: inside
        ? "nothing would ever be decided"
        : "it would wait for that before its last step, for longer than planned",
      hint: inside ? "Make `within` longer" : "Watch for longer with `holdback: 5% for 30d`",
    };
  });
  const criteria = fixed.criteria.map(({ signal }) => ({
    about: `fixed.${signal}`,
    signal,
    least: Number.POSITIVE_INFINITY,
    span: fixed.for,
    window: "`for`",
    so: "nothing would ever be proved",
    hint: "Make `for` longer",
  }));
  return [...claims, ...criteria].flatMap(({ about, signal, least, span, window, so, hint }): LintFinding[] => {
    const labels: Milliseconds = labelsOf.get(signal) ?? 0;
    if (labels <= span && labels < least) return [];
    const known = `Whether one of \`${signal}\` was bad is known only after ${formatDuration(labels)}`;
    return [
      {
        level: "error",
        name: "slow-labels",
        about,
        message: `${known}, and ${window} is over after ${formatDuration(span)}: ${so}.`,
        hint: `${hint}, or claim an outcome that is known sooner.`,
      },
    ];
  });
}
