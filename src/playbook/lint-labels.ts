import type { Playbook } from "../core/playbook.ts";
import { formatDuration, type Milliseconds } from "../core/time.ts";
import type { LintFinding } from "./lint-playbook.ts";

/** Outcomes that become known only after whoever waits for them has gone. */
export function lintLabels({ signals, triggers, fixed, how }: Playbook): readonly LintFinding[] {
  const labelsOf = new Map(signals.map(({ name, labels }) => [name, labels ?? 0]));
  const watched = how.steps.length * how.each + (how.holdbackFor ?? 0);
  const claims = triggers.map(({ name, signal, within = watched }) => {
    const inside = within < watched;
    return {
      about: `when.${name}`,
      signal,
      span: Math.min(within, watched),
      window: inside ? "this trigger's `within`" : "the release and its holdback together",
      hint: inside ? "Make `within` longer" : "Watch for longer with `holdback: 5% for 30d`",
    };
  });
  const criteria = fixed.criteria.map(({ signal }) => ({
    about: `fixed.${signal}`,
    signal,
    span: fixed.for,
    window: "`for`",
    hint: "Make `for` longer",
  }));
  return [...claims, ...criteria].flatMap(({ about, signal, span, window, hint }): LintFinding[] => {
    const labels: Milliseconds = labelsOf.get(signal) ?? 0;
    if (labels <= span) return [];
    const known = `Whether one of \`${signal}\` was bad is known only after ${formatDuration(labels)}`;
    return [
      {
        level: "error",
        name: "slow-labels",
        about,
        message: `${known}, and ${window} is over after ${formatDuration(span)}: nothing would ever be decided.`,
        hint: `${hint}, or claim an outcome that is known sooner.`,
      },
    ];
  });
}
