import type { Route } from "../core/entry.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Place } from "../core/rollout.ts";
import { incompatibilities } from "../decide/compatibility.ts";
import { type Containment, containmentOf, type Fallbacks } from "../decide/containment.ts";
import { freePlace, servingPlace } from "../decide/place.ts";
import { refuse } from "./gate.ts";
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
  // What came into the only place there is has nothing beside it.
  const beside = servingPlace(route) !== place;
  const serves = beside && !sick && incompatibilities(stable, candidate).length === 0;
  const to = containmentOf(serves, fallbacksOf(ports, playbook));
  return { to, route: to === "else" || to === "safe" ? { ...route, contained: to } : route };
}

/** Where the way back restores: the candidate's place; an older release goes where the harmful one does not serve. */
export function restorePlace({ ports, playbook, place, stable, rollout }: Run): Place {
  const twofold = playbook.components.some(({ beside }) => beside !== undefined);
  if (rollout.rollback?.target === undefined || !twofold) return place;
  const current = ports.traffic.current(playbook.system);
  return current?.stable === stable.id ? servingPlace(current) : freePlace(current);
}

/**
 * A person sends all traffic to the other way or to the safe state, or lets the route count again (`stable`): at once, and
 * recorded afterwards. @throws RELEASE_REFUSED where the edge cannot, or a rollout runs.
 */
export async function containByHand(
  ports: ControlPorts,
  playbook: Playbook,
  to: "stable" | "else" | "safe",
  by: string,
  reason: string,
): Promise<void> {
  const { system } = playbook;
  const current = ports.traffic.current(system);
  if (!current) throw refuse(`there is no route of ${system} here`);
  if (to !== "stable" && !fallbacksOf(ports, playbook)[to])
    throw refuse(`\`how.${to}\` is not declared, or the edge has no way there; see \`gateway\` in connections.yaml`);
  const { contained: _, ...rest } = current;
  const route: Route = {
    ...rest,
    epoch: rest.epoch + 1,
    candidatePpm: 0,
    ...(to === "stable" ? {} : { contained: to }),
  };
  ports.traffic.set(route);
  const at = ports.clock.now();
  const data = { to, reason, epoch: route.epoch, before: current.contained, containedAt: at };
  await ports.store.commit([
    { kind: "route", route },
    { kind: "entry", entry: { type: "contained", at, system, actor: by, data } },
  ]);
}
