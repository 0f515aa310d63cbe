import { isRoute, type Playbook } from "../core/playbook.ts";

/** Two acting playbooks that would write to the same target. */
export interface Rivalry {
  readonly address: string;
  /** The system that named it first. */
  readonly first: string;
  readonly second: string;
}

/**
 * Addresses that two acting playbooks name. Each would take what the other brings for somebody else's change and undo
 * it, so only one of them may act. Watching what another one changes does no harm. Known by the address alone: one
 * target under two names is not seen. Pure.
 */
export function findRivals(playbooks: readonly Playbook[]): readonly Rivalry[] {
  const named = new Map<string, string>();
  const found: Rivalry[] = [];
  for (const playbook of playbooks.filter(({ authority }) => authority === "act")) {
    for (const address of addressesOf(playbook)) {
      const first = named.get(address) ?? playbook.system;
      named.set(address, first);
      if (first !== playbook.system) found.push({ address, first, second: playbook.system });
    }
  }
  return found;
}

/** What is wrong, why, and what to do, in one sentence each. */
export function describeRivalry({ address, first }: Rivalry): string {
  return `${address} is restored by ${first} already, and the two would undo each other; put all that goes back together into one playbook, or write \`authority: observe\` into one`;
}

/** A gateway belongs to the system and not to the address; a release flag is written like any target. */
function addressesOf({ components }: Playbook): ReadonlySet<string> {
  const written = components.filter((component) => !(isRoute(component) && component.at.startsWith("gateway:")));
  return new Set(written.flatMap(({ at, beside }) => [at, ...(beside ? [beside] : [])].map(withoutSlash)));
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, "");
}
