import type { Route } from "../core/entry.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Place } from "../core/rollout.ts";
import { incompatibilities } from "../decide/compatibility.ts";
import { type Containment, containmentOf, type Fallbacks } from "../decide/containment.ts";
import { freePlace, servingPlace } from "../decide/place.ts";
import type { ControlPorts } from "./ports.ts";
import { type Run, routeTo } from "./run.ts";

/** What the playbook declares and the edge can do at once. */
export function fallbacksOf({ traffic }: Pick<ControlPorts, "traffic">, { system, how }: Playbook): Fallbacks {
  const able = traffic.fallbacks?.(system) ?? { else: false, safe: false };
  return { else: how.else !== undefined && able.else, safe: how.safe !== undefined && able.safe };
}

/** Where a rollback's traffic goes, from what is known in memory alone; `sick`: stable is proved harmful itself. */
export function containmentFor(run: Run, sick = false): { readonly to: Containment; readonly route: Route } {
  const { ports, playbook, stable, candidate, place } = run;
  const route = routeTo(run, 0);
  if (route.contained) return { to: route.contained, route };
  // What came into the only place there is has nothing beside it.
  const beside = servingPlace(route) !== place;
  const serves = beside && !sick && incompatibilities(stable, candidate).length === 0;
  const to = containmentOf(serves, fallbacksOf(ports, playbook));
  return { to, route: to === "else" || to === "safe" ? { ...route, contained: to } : route };
}

/** Why nothing goes forward while traffic is contained by hand; a rollout that runs cannot be contained so any more. */
export function containedBefore({ ports, playbook }: Pick<Run, "ports" | "playbook">): string | undefined {
  const { contained } = ports.traffic.current(playbook.system) ?? {};
  return contained && `all traffic is contained to \`${contained}\``;
}

/** Where the way back restores: the candidate's place; an older release goes where the harmful one does not serve. */
export function restorePlace({ ports, playbook, place, stable, rollout }: Run): Place {
  const twofold = playbook.components.some(({ beside }) => beside !== undefined);
  if (rollout.rollback?.target === undefined || !twofold) return place;
  const current = ports.traffic.current(playbook.system);
  return current?.stable === stable.id ? servingPlace(current) : freePlace(current);
}
