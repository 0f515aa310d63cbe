import type { Route } from "../core/entry.ts";
import type { Playbook } from "../core/playbook.ts";
import { defineRelease, type Release } from "../core/release.ts";
import type { Order, Place, Rollout } from "../core/rollout.ts";
import { freePlace, servingPlace } from "../decide/place.ts";
import { insistFree, refuse } from "./gate.ts";
import { changedComponents, readComponents } from "./live-state.ts";
import type { ControlPorts } from "./ports.ts";
import { newRollout, openUnannounced } from "./release.ts";

/**
 * A person takes back a release that is stable by now: traffic goes to the release before it, where that is still warm in
 * the other place, before anything is written; then a rollout is recorded that is on its way back from its first moment.
 * Where a later rollout or somebody else has taken that place, traffic stays and everything is restored where it serves.
 * @throws RELEASE_REFUSED when there is nothing to go back to, or a rollout is running.
 */
export async function openTakeBack(ports: ControlPorts, playbook: Playbook, order: Order): Promise<Rollout> {
  const { system } = playbook;
  await insistFree(ports, playbook);
  if (playbook.authority !== "act") throw refuse("the playbook only observes; go back by your own means");
  const known = await ports.store.lastKnownGood(system);
  const promoted = (await ports.store.rollouts(system)).find(({ promotedAt, endedAt }) => promotedAt && endedAt);
  const candidate = promoted && (await ports.store.release(promoted.candidate));
  const before = promoted && (await ports.store.release(promoted.stable));
  if (!candidate || !before || promoted?.candidate !== known?.release)
    return takeBackForeign(ports, playbook, known && (await ports.store.release(known.release)), order);
  const current = ports.traffic.current(system);
  const warm = await isWarm(ports, playbook, before, freePlace(current));
  const { swapped, ...rest } = ports.traffic.current(system) ?? { system, epoch: 0 };
  const route: Route = {
    ...rest,
    epoch: rest.epoch + 1,
    stable: promoted.stable,
    candidate: candidate.id,
    candidatePpm: 0,
    ...((swapped ?? false) === warm ? {} : { swapped: true }),
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

/** What came unannounced and was left in place has no promotion before it: it goes back to the last known good. */
async function takeBackForeign(
  ports: ControlPorts,
  playbook: Playbook,
  stable: Release | undefined,
  order: Order,
): Promise<Rollout> {
  const place = servingPlace(ports.traffic.current(playbook.system));
  const changed = stable ? await changedComponents(ports, playbook, stable, place) : [];
  if (!stable || changed.length === 0) throw refuse("no release was promoted before, so none can be taken back");
  const label = changed.map(({ revision }) => revision.label).join(" + ");
  const news = Object.fromEntries(changed.map(({ name, revision }) => [name, revision]));
  const candidate = defineRelease(playbook.system, label, { ...stable.revisions, ...news });
  const opened = await openUnannounced(ports, playbook, { stable, candidate, frozen: [] });
  const rollout: Rollout = { ...opened, phase: "paused", order };
  await ports.store.commit([{ kind: "rollout", rollout }]);
  return rollout;
}
