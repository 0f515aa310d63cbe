import { labelOf, type Signal, type Trigger } from "../../core/playbook.ts";

/** The groups that the playbook's triggers tell apart, as samples name them: `applicant-group=b`. */
export interface GroupLabels {
  /** The labels by which a trigger tells the signal's outcomes apart. */
  acrossOf(signal: number): readonly string[];
  /** The group of a value; what is beyond the limits is of the group `other`. */
  groupOf(label: string, value: string): { readonly group: string; readonly other: boolean };
}

/** So many values of one label are told apart: each is one more test, and one more row a second. */
export const MOST_GROUPS = 16;
const PLAIN = /^[\w.:+-]{1,64}$/;
const OTHER = "other";

/** The first values of each label that come are the ones that are told apart, for as long as this process lives. */
export function createGroupLabels(signals: readonly Signal[], triggers: readonly Trigger[]): GroupLabels {
  const across = signals.map(({ name }) => [
    ...new Set(triggers.flatMap((trigger) => (trigger.signal === name ? (labelOf(trigger) ?? []) : []))),
  ]);
  const known = new Map<string, Set<string>>();
  return {
    acrossOf: (signal) => across[signal] ?? [],
    groupOf(label, value) {
      const values = known.get(label) ?? new Set<string>();
      known.set(label, values);
      const room = values.has(value) || (values.size < MOST_GROUPS && value !== OTHER && PLAIN.test(value));
      if (room) values.add(value);
      return { group: `${label}=${room ? value : OTHER}`, other: !room && value !== OTHER };
    },
  };
}
