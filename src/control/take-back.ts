import type { Route } from "../core/entry.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Change } from "../core/ports.ts";
import { refuse } from "../core/refusal.ts";
import { defineRelease, type Release } from "../core/release.ts";
import type { Order, Place, Rollout } from "../core/rollout.ts";
import { containmentOf } from "../decide/containment.ts";
import { freePlace, servingPlace } from "../decide/place.ts";
import { fallbacksOf } from "./containment.ts";
import { insistFree } from "./gate.ts";
import { changedComponents, readComponents } from "./live-state.ts";
import { unannouncedRollout } from "./open-unannounced.ts";
import type { ControlPorts } from "./ports.ts";
import { type Missed, recordOrMiss, sayNotRecorded } from "./record-afterwards.ts";
import { newRollout } from "./release.ts";
import { emit } from "./run.ts";
import { sinceNow } from "./seat.ts";
import { isStoreFailure } from "./store-failure.ts";
import { tellPeople } from "./tell-people.ts";

/** What was promoted and settled last. */
export interface Promotion {
  readonly rollout: Rollout;
  readonly candidate: Release;
  /** What it goes back to. */
  readonly stable: Release;
}

/** The last known good release, where what serves beside it was never promoted; `error`: why the store does not say so. */
export interface Foreign {
  readonly foreign: Release | undefined;
  readonly error?: unknown;
}

/** A person's order, and its id where it has one. */
export interface Asked extends Order {
  readonly given?: string | undefined;
  /** The route of what is taken back, where a cord keeps the edge from following it. */
  readonly settled?: Route | undefined;
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
 * @param remembered what this process has promoted last, or read last to be good: all that is known while the store
 * cannot even be read.
 * @throws RELEASE_REFUSED when there is nothing to go back to, or a rollout is running.
 */
export async function openTakeBack(
  ports: ControlPorts,
  playbook: Playbook,
  asked: Asked,
  remembered: Promotion | Foreign | undefined,
  over: () => boolean,
): Promise<Opened> {
  const { given, settled, ...order } = asked;
  const { system } = playbook;
  if (playbook.authority !== "act") throw refuse("the playbook only observes", "Go back by your own means.");
  const known = await promotionIn(ports, playbook).catch((error: unknown) => {
    if (!isStoreFailure(error) || !remembered) throw error;
    return { ...remembered, error };
  });
  if ("foreign" in known) return takeBackForeign(ports, playbook, known, asked, over);
  const { rollout: promoted, candidate, stable: before } = known;
  const current = settled ?? ports.traffic.current(system);
  const warm = await isWarm(ports, playbook, before, freePlace(current));
  const edge = ports.traffic.current(system);
  const { swapped, ...rest } = settled ?? edge ?? { system, epoch: 0 };
  const route: Route = {
    ...rest,
    epoch: Math.max(rest.epoch, edge?.epoch ?? 0) + 1,
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
  const takes = { candidate: candidate.id, stable: promoted.stable, takesBack: promoted.id };
  const data = { ...takes, playbook: playbook.digest, given };
  const changes: readonly Change[] = [
    { kind: "route", route },
    { kind: "rollout", rollout },
    { kind: "entry", entry: { type: "rollout-started", at: now, system, actor: order.by, rollout: rollout.id, data } },
  ];
  return { rollout, missed: await recordOpened(ports, playbook, { rollout, candidate, changes }, over) };
}

/** Records a rollout that traffic obeys already; afterwards, where the store takes no write now. */
async function recordOpened(
  ports: ControlPorts,
  playbook: Playbook,
  { changes, ...opened }: Pick<Promotion, "rollout" | "candidate"> & { readonly changes: readonly Change[] },
  over: () => boolean,
): Promise<Missed | undefined> {
  const told = { ports, playbook, ...opened };
  const outrun = ports.seat && sinceNow(ports.seat);
  const missed = await recordOrMiss({
    clock: ports.clock,
    write: async () => void (await ports.store.commit(changes)),
    recorded: async () => (await ports.store.rollout(opened.rollout.id)) !== undefined,
    over,
    ...(outrun ? { outrun } : {}),
    missed: (failure) => sayNotRecorded(told, failure),
    stand: () => undefined,
    caughtUp: () => emit(told, "resumed", "the store takes writes again: what happened is recorded"),
  });
  const lost = "Another controller acts by now and knows nothing of it: give the order again.";
  missed?.afterwards.catch(() => over() || tellPeople(told, "was taken back, and that was never recorded", [lost]));
  return missed;
}

/** What was promoted last, if it is still the last known good; else what that is. @throws RELEASE_REFUSED while a rollout runs. */
async function promotionIn(ports: ControlPorts, playbook: Playbook): Promise<Promotion | Foreign> {
  const { store } = ports;
  await insistFree(ports, playbook);
  const known = await store.lastKnownGood(playbook.system);
  const [rollout] = await store.promoted(playbook.system, 1);
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

/**
 * What came unannounced and was left in place has no promotion before it: it goes back to the last known good. Nothing else
 * serves meanwhile but a declared fallback, and that takes the traffic before anything is written.
 */
async function takeBackForeign(
  ports: ControlPorts,
  playbook: Playbook,
  { foreign: stable, error }: Foreign,
  { given, settled: _, ...order }: Asked,
  over: () => boolean,
): Promise<Opened> {
  const current = ports.traffic.current(playbook.system);
  const changed = stable ? await changedComponents(ports, playbook, stable, servingPlace(current)) : [];
  if (!stable || changed.length === 0)
    throw (
      error ??
      refuse("no release was promoted before, so none can be taken back", "Release the revisions that you want.")
    );
  const to = containmentOf(false, fallbacksOf(ports, playbook));
  const contained = to === "else" || to === "safe" ? to : undefined;
  const route = contained && current && { ...current, epoch: current.epoch + 1, candidatePpm: 0, contained };
  if (route) ports.traffic.set(route);
  const label = changed.map(({ revision }) => revision.label).join(" + ");
  const news = Object.fromEntries(changed.map(({ name, revision }) => [name, revision]));
  const candidate = defineRelease(playbook.system, label, { ...stable.revisions, ...news });
  const found = { stable, candidate, frozen: [] };
  const { rollout, changes, say } = unannouncedRollout(ports, playbook, found, { phase: "paused", order }, given);
  const all = [...changes, ...(route ? [{ kind: "route", route } as const] : [])];
  say();
  return { rollout, missed: await recordOpened(ports, playbook, { rollout, candidate, changes: all }, over) };
}
