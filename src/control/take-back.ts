import type { Route } from "../core/entry.ts";
import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Change } from "../core/ports.ts";
import { defineRelease, type Release } from "../core/release.ts";
import type { Order, Place, Rollout } from "../core/rollout.ts";
import { freePlace, servingPlace } from "../decide/place.ts";
import { insistFree, refuse } from "./gate.ts";
import { changedComponents, readComponents } from "./live-state.ts";
import type { ControlPorts } from "./ports.ts";
import { type Missed, recordOrMiss, sayNotRecorded } from "./record-afterwards.ts";
import { newRollout, openUnannounced } from "./release.ts";
import { emit } from "./run.ts";
import { tellPeople } from "./tell-people.ts";

/** What was promoted and settled last. */
export interface Promotion {
  readonly rollout: Rollout;
  readonly candidate: Release;
  /** What it goes back to. */
  readonly stable: Release;
}

/** A rollout that is recorded, or stands in memory until the store takes it. */
export interface Opened {
  readonly rollout: Rollout;
  readonly missed?: Missed | undefined;
}

/**
 * A person takes back a release that is stable by now: traffic goes to the release before it, where that is still warm in
 * the other place, before anything is written; then a rollout is recorded that is on its way back from its first moment.
 * Where a later rollout or somebody else has taken that place, traffic stays and everything is restored where it serves.
 * A store that takes no write gets the record afterwards, and traffic stays where it went meanwhile.
 * @param remembered what this process has promoted last: all that is known while the store cannot even be read.
 * @throws RELEASE_REFUSED when there is nothing to go back to, or a rollout is running.
 */
export async function openTakeBack(
  ports: ControlPorts,
  playbook: Playbook,
  order: Order,
  remembered: Promotion | undefined,
  over: () => boolean,
): Promise<Opened> {
  const { system } = playbook;
  if (playbook.authority !== "act") throw refuse("the playbook only observes; go back by your own means");
  const known = await promotionIn(ports, playbook).catch((error: unknown) => {
    if (error instanceof RollbookError || !remembered) throw error;
    return remembered;
  });
  if ("foreign" in known) return { rollout: await takeBackForeign(ports, playbook, known.foreign, order) };
  const { rollout: promoted, candidate, stable: before } = known;
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
  const changes: readonly Change[] = [
    { kind: "route", route },
    { kind: "rollout", rollout },
    { kind: "entry", entry: { type: "rollout-started", at: now, system, actor: order.by, rollout: rollout.id, data } },
  ];
  const told = { ports, playbook, candidate, rollout };
  const missed = await recordOrMiss({
    clock: ports.clock,
    write: async () => void (await ports.store.commit(changes)),
    recorded: async () => (await ports.store.rollout(rollout.id)) !== undefined,
    over,
    missed: (failure) => sayNotRecorded(told, failure),
    stand: () => undefined,
    caughtUp: () => emit(told, "resumed", "the store takes writes again: what happened is recorded"),
  });
  const lost = "Another controller acts by now and knows nothing of it: give the order again.";
  missed?.afterwards.catch(() => over() || tellPeople(told, "was taken back, and that was never recorded", [lost]));
  return { rollout, missed };
}

/** What was promoted last, if it is still the last known good; else what that is. @throws RELEASE_REFUSED while a rollout runs. */
async function promotionIn(
  ports: ControlPorts,
  playbook: Playbook,
): Promise<Promotion | { readonly foreign: Release | undefined }> {
  const { store } = ports;
  await insistFree(ports, playbook);
  const known = await store.lastKnownGood(playbook.system);
  const rollout = (await store.rollouts(playbook.system)).find(({ promotedAt, endedAt }) => promotedAt && endedAt);
  const candidate = rollout && (await store.release(rollout.candidate));
  const stable = rollout && (await store.release(rollout.stable));
  if (rollout && candidate && stable && rollout.candidate === known?.release) return { rollout, candidate, stable };
  return { foreign: known && (await store.release(known.release)) };
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
