import type { Playbook } from "../core/playbook.ts";
import type { RestoreAdapter } from "../core/ports.ts";
import type { ComponentName } from "../core/release.ts";
import { servedPlaces } from "./served-places.ts";

/** A place that is written blindly, where nothing verifies afterwards what serves. */
export interface BlindTarget {
  readonly component: ComponentName;
  /** What, why, and what to do. */
  readonly text: string;
}

/**
 * Where a playbook relies on a connector that is `blind`, and that nobody asks what really serves. Such a target takes a
 * write that comes late or twice, and reading the place back shows the pointer only: a restore that was undone would count
 * as done. An acting playbook is refused for it, an observing one is warned. What nothing serves is for others to say.
 */
export function blindTargets(playbook: Playbook, adapterFor: (at: string) => RestoreAdapter): readonly BlindTarget[] {
  return servedPlaces(playbook, adapterFor)
    .filter(({ at, adapter }) => isUnverified(adapter, at))
    .map(({ component, at, adapter }) => ({ component, text: describe(at, adapter.name) }));
}

function isUnverified({ guarantee, seen, sees }: RestoreAdapter, at: string): boolean {
  return guarantee === "blind" && (seen === undefined || sees?.(at) === false);
}

function describe(at: string, name: string): string {
  return `${at} is written blindly: ${name} refuses no write that is late or made twice, and nothing asks what really serves there, so a restore that was undone would count as done. Tell the connection ${name} how to ask what serves, or write \`authority: observe\``;
}
