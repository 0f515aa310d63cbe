import type { Playbook } from "../core/playbook.ts";
import type { Release } from "../core/release.ts";
import type { Place } from "../core/rollout.ts";
import { type Planned, planRollback } from "./plan-change.ts";
import type { PastSteps } from "./price.ts";

/** The plan back of everything that has a way back, and what has none. */
export interface PlannedBack {
  readonly planned: Planned;
  /** Changed components that nobody here can bring back, such as a hosted model. */
  readonly lost: readonly string[];
}

/** Plans the way from `from` back to `to`; what cannot be brought back is left out and named. */
export function planWayBack(
  playbook: Playbook,
  from: Release,
  to: Release,
  place: Place,
  past: readonly PastSteps[],
): PlannedBack {
  const lost = lostBetween(playbook, from, to);
  const components = playbook.components.filter(({ name }) => !lost.includes(name));
  const without = (release: Release): Release => ({
    ...release,
    revisions: Object.fromEntries(Object.entries(release.revisions).filter(([name]) => !lost.includes(name))),
  });
  return { planned: planRollback({ ...playbook, components }, without(from), without(to), place, past), lost };
}

export function lostBetween({ components }: Playbook, from: Release, to: Release): readonly string[] {
  return components
    .filter(({ name, undo }) => undo === "irreversible" && from.revisions[name]?.digest !== to.revisions[name]?.digest)
    .map(({ name }) => name);
}
