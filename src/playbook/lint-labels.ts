import { isReportedLater, maturityOf, type Playbook, type Signal, UNIT_MATURITY } from "../core/playbook.ts";
import { formatDuration, type Milliseconds } from "../core/time.ts";
import type { LintFinding } from "./lint-playbook.ts";

/** Outcomes that become known late: after whoever waits for them has gone, or later than somebody may think. */
export function lintLabels(playbook: Playbook): readonly LintFinding[] {
  return [...lintTooLate(playbook), ...playbook.signals.flatMap(lintUnits), ...lintUndeclared(playbook)];
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

/** Of what comes as it comes a claim is only as good as the arms are alike in how long outcomes take. */
function lintUndeclared({ signals, triggers }: Playbook): readonly LintFinding[] {
  const watched = new Set(triggers.flatMap((one) => (one.kind === "limit" ? [] : [one.signal])));
  return signals.flatMap((signal): LintFinding[] => {
    const { name, per, labels } = signal;
    const isReported = signal.from === "events" || isReportedLater(signal);
    if (!isReported || per !== undefined || labels !== undefined || !watched.has(name)) return [];
    return [
      {
        level: "note",
        name: "undeclared-labels",
        about: `signals.${name}`,
        message: `Outcomes of \`${name}\` are compared as they come. Where those of one arm, or the bad ones, become known sooner, a sound release looks bad before the rest is there.`,
        hint: "Unless they are reported with the answer, say how long they take, for example `labels: 30s`: then seconds are compared when they are that old.",
      },
    ];
  });
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
