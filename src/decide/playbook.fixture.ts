import { digestOf } from "../core/digest.ts";
import type { ComponentSpec, How, Playbook } from "../core/playbook.ts";
import type { Revision } from "../core/release.ts";

/** A playbook of these components, for tests. */
export function aPlaybook(components: readonly ComponentSpec[], how: Partial<How> = {}): Playbook {
  return {
    digest: digestOf("playbook"),
    system: "loans",
    owner: "credit-risk",
    risk: "high",
    authority: "act",
    components,
    signals: [],
    triggers: [],
    hardLimits: [],
    falseAlarms: 0.001,
    how: { steps: [5, 25, 50, 95], each: 10_000, holdback: 5, contain: "stable", within: 60_000, ...how },
    fixed: { criteria: [], for: 10_000 },
    who: { now: [] },
  };
}

export function aComponent(name: string, fields: Partial<ComponentSpec> = {}): ComponentSpec {
  return { name, at: `http://127.0.0.1/components/${name}`, undo: "compensatable", ...fields };
}

/** A revision that is named by its label; `accepts` and `keeps` name labels as well. */
export function aRevision(label: string, ties: { readonly accepts?: Labels; readonly keeps?: Labels } = {}): Revision {
  const digests = (labels: Labels) =>
    Object.fromEntries(Object.entries(labels).map(([name, list]) => [name, list.map((one) => digestOf(one))]));
  return {
    digest: digestOf(label),
    label,
    ...(ties.accepts ? { accepts: digests(ties.accepts) } : {}),
    ...(ties.keeps ? { keeps: digests(ties.keeps) } : {}),
  };
}

type Labels = Readonly<Record<string, readonly string[]>>;
