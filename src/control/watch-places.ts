import { OVER } from "../core/deadline.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Release } from "../core/release.ts";
import type { Place } from "../core/rollout.ts";
import { formatDuration } from "../core/time.ts";
import type { ForeignChange } from "../decide/next-move.ts";
import { FencedError } from "./fenced-error.ts";
import { changedComponents } from "./live-state.ts";
import { emit, entryOf, type Run } from "./run.ts";

/** Notices who changes the candidate or stable without Rollbook while a rollout runs. */
export interface PlacesWatch {
  /** What serves something else than it should, by the newest reading; nothing may go forward on that. */
  foreign(): ForeignChange | undefined;
  stop(): void;
}

/**
 * Reads both places beside the judgement, once a poll. What is found is recorded and told once, and holds the rollout
 * where it is until it is mended, and goes back when patience is over: the counts are no longer those of the releases they are
 * named for.
 */
export function watchPlaces(run: Run): PlacesWatch {
  const { clock, notifier } = run.ports;
  const { playbook } = run;
  const stopped = new AbortController();
  const told = new Set<string>();
  let foreign: ForeignChange | undefined;
  const look = async () => {
    const found = await foreignIn(run);
    // On the way back the places change because Rollbook changes them; the proof reads them at its end.
    if (run.rollout.rollback !== undefined) return;
    foreign = found === undefined ? undefined : { what: found, since: foreign?.since ?? clock.now() };
    if (stopped.signal.aborted || found === undefined || told.has(found)) return;
    told.add(found);
    const guard = { resource: run.lease.resource, fence: run.lease.fence };
    const written = await run.ports.store.commit([entryOf(run, "noticed", { during: run.rollout.id, found })], guard);
    if (written.kind === "fenced") throw new FencedError(run.lease.resource);
    emit(run, "noticed", `${found}, without Rollbook`);
    const text = `Somebody changed it while a rollout runs. ${untilMended(run)}`;
    notifier.notify(playbook.who.now, `${playbook.system}: ${found}`, text, run.rollout.id).catch(() => undefined);
  };
  const loop = async () => {
    while (!stopped.signal.aborted) {
      await clock.sleep(run.settings.pollMs, stopped.signal);
      // What could not be read or written now is looked at again.
      if (!stopped.signal.aborted) await look().catch(() => undefined);
    }
  };
  void loop();
  return { foreign: () => foreign, stop: () => stopped.abort(OVER) };
}

function untilMended({ rollout, settings }: Run): string {
  // A person's word has no patience, nor has a holdback.
  const stands =
    rollout.promotedAt !== undefined || rollout.order?.kind === "pause" || rollout.order?.kind === "promote";
  const back = stands ? "" : `, and goes back after ${formatDuration(settings.patienceMs)}`;
  return `It does not go forward until that is mended${back}; harm goes back at once.`;
}

async function foreignIn({ ports, playbook, place, candidate, stable }: Run): Promise<string | undefined> {
  const other: Place = place === "at" ? "beside" : "at";
  const twofold = { ...playbook, components: playbook.components.filter(({ beside }) => beside !== undefined) };
  const unlike = async (book: Playbook, release: Release, where: Place) =>
    (await changedComponents(ports, book, release, where)).map(
      ({ at, revision }) => `${at} serves ${revision.label} and not what ${release.label} says`,
    );
  const found = [...(await unlike(playbook, candidate, place)), ...(await unlike(twofold, stable, other))];
  return found.length > 0 ? found.join("; ") : undefined;
}
