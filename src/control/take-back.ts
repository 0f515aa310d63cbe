import type { Route } from "../core/entry.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Release } from "../core/release.ts";
import type { Order, Place, Rollout } from "../core/rollout.ts";
import { freePlace, servingPlace } from "../decide/place.ts";
import { insistFree, refuse } from "./gate.ts";
import { readComponents } from "./live-state.ts";
import type { ControlPorts } from "./ports.ts";
import { newRollout } from "./release.ts";

/**
 * A person takes back a release that is stable by now. Where the release before it is still warm in the other place,
 * traffic goes there before anything is written; where another release has been in that place since, traffic stays and the
 * place that serves is restored. Then a rollout is recorded that is on its way back from its first moment.
 * @throws RELEASE_REFUSED when there is nothing to go back to, or a rollout is running.
 */
export async function openTakeBack(ports: ControlPorts, playbook: Playbook, order: Order): Promise<Rollout> {
  const { system } = playbook;
  await insistFree(ports, playbook);
  if (playbook.authority !== "act") throw refuse("the playbook only observes; go back by your own means");
  const known = await ports.store.lastKnownGood(system);
  const promoted = (await ports.store.rollouts(system)).find(({ promotedAt, endedAt }) => promotedAt && endedAt);
  const candidate = promoted && (await ports.store.release(promoted.candidate));
  if (!candidate || promoted?.candidate !== known?.release)
    throw refuse("no release was promoted before, so none can be taken back");
  const before = await ports.store.release(promoted.stable);
  if (!before) throw refuse("the release before it is not known any more");
  const current = ports.traffic.current(system);
  const warm = await isWarm(ports, playbook, before, freePlace(current));
  const swapped = warm !== (current?.swapped === true);
  const { swapped: _, ...rest } = current ?? { system, epoch: 0 };
  const route: Route = {
    ...rest,
    epoch: rest.epoch + 1,
    stable: promoted.stable,
    candidate: candidate.id,
    candidatePpm: 0,
    ...(swapped ? { swapped } : {}),
  };
  ports.traffic.set(route);
  const now = ports.clock.now();
  const rollout: Rollout = {
    ...newRollout(ports, playbook, candidate, promoted.stable),
    phase: "paused",
    place: servingPlace(current),
    step: playbook.how.steps.length - 1,
    exposedAt: now,
    promotedAt: promoted.promotedAt ?? now,
    frozen: promoted.frozen,
    order,
  };
  const data = { candidate: candidate.id, stable: promoted.stable, playbook: playbook.digest, takesBack: promoted.id };
  await ports.store.commit([
    { kind: "route", route },
    { kind: "rollout", rollout },
    { kind: "entry", entry: { type: "rollout-started", at: now, system, actor: order.by, rollout: rollout.id, data } },
  ]);
  return rollout;
}

/** Does a place hold a release? What has one place only is the same for both, and no reason to stay. */
async function isWarm(ports: ControlPorts, playbook: Playbook, release: Release, place: Place): Promise<boolean> {
  const twice = playbook.components.filter(({ beside }) => beside !== undefined);
  const found = await readComponents(ports, { ...playbook, components: twice }, place);
  return found.every((one) => one.kind === "live" && one.revision.digest === release.revisions[one.name]?.digest);
}
