import { isRoute, type Playbook } from "../core/playbook.ts";
import type { LintFinding } from "./lint-playbook.ts";

/** Two acting playbooks that would write to the same target. */
export interface Rivalry {
  readonly address: string;
  /** Who named it first. */
  readonly first: Playbook;
  readonly second: Playbook;
}

/**
 * Addresses that two acting playbooks name. Each would take what the other brings for somebody else's change and undo
 * it, so only one of them may act. Watching what another one changes does no harm. Known by the address alone: one
 * target under two names is not seen. Pure.
 */
export function findRivals(playbooks: readonly Playbook[]): readonly Rivalry[] {
  const named = new Map<string, Playbook>();
  const found: Rivalry[] = [];
  for (const playbook of playbooks.filter(({ authority }) => authority === "act")) {
    for (const address of addressesOf(playbook)) {
      const first = named.get(address) ?? playbook;
      named.set(address, first);
      if (first.system !== playbook.system) found.push({ address, first, second: playbook });
    }
  }
  return found;
}

/** What is wrong, and why. */
export function describeRivalry({ address, first }: Rivalry): string {
  return `${address} is restored by ${first.system} already, and the two would undo each other`;
}

/** The same as the linter says it: a warning, for files that are linted together need not be served together. */
export function rivalFinding(rivalry: Rivalry): LintFinding {
  return { level: "warning", name: "rival", message: `${describeRivalry(rivalry)}.`, hint: RIVAL_HINT };
}

const RIVAL_HINT =
  "Put all that goes back together into one playbook, or write `authority: observe` into one of the two.";

/** A gateway belongs to the system and not to the address; a release flag is written like any target. */
function addressesOf({ components }: Playbook): ReadonlySet<string> {
  const written = components.filter((component) => !(isRoute(component) && component.at.startsWith("gateway:")));
  return new Set(written.flatMap(({ at, beside }) => [at, ...(beside ? [beside] : [])].map(withoutSlash)));
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, "");
}
