import type { Playbook } from "../core/playbook.ts";
import type { Store } from "../core/ports.ts";
import type { Release } from "../core/release.ts";
import type { Rollout } from "../core/rollout.ts";
import type { LiveComponent } from "./live-state.ts";

/** So many rollouts are looked through for the one whose release came back. */
const REMEMBERED = 50;

/**
 * Is what serves what the newest rollback has left there? While it needs people that is no release of anybody's: judged as
 * one, the release that went back could be found to do no harm, and become the last known good.
 */
export async function leftByStuck(
  store: Store,
  { system }: Playbook,
  changed: readonly Extract<LiveComponent, { readonly kind: "live" }>[],
): Promise<boolean> {
  const newest = await newestThatCounts(store, system);
  if (newest?.rollback?.outcome !== "stuck") return false;
  const steps = (await store.sagas(newest.id)).flatMap(({ plan }) => plan.steps);
  // A saga that never had a plan has no steps: then what went back is all there still.
  const went = Object.values((await store.release(newest.candidate))?.revisions ?? {});
  const moved = new Set([
    ...steps.flatMap(({ before, desired }) => [before, desired]),
    ...went.map((one) => one.digest),
  ]);
  return changed.some(({ revision }) => moved.has(revision.digest));
}

/** The newest rollout, but what came by other hands since and is over: that takes nothing from a rollback that needs people. */
export async function newestThatCounts(store: Store, system: string): Promise<Rollout | undefined> {
  const rollouts = await store.rollouts(system, REMEMBERED);
  return rollouts.find(({ unannounced, rollback }) => !unannounced || rollback?.outcome === "stuck");
}

/** The release in quarantine whose changes serve again, all of them; undefined where there is none. */
export async function backFromQuarantine(store: Store, candidate: Release): Promise<Release | undefined> {
  const rollouts = await store.rollouts(candidate.system, REMEMBERED);
  for (const went of rollouts.filter(({ rollback }) => rollback)) {
    const quarantine = await store.quarantine(went.candidate);
    if (!quarantine || quarantine.liftedBy !== undefined) continue;
    const [release, stable] = await Promise.all([store.release(went.candidate), store.release(went.stable)]);
    const changes = Object.entries(release?.revisions ?? {}).filter(
      ([name, { digest }]) => stable?.revisions[name]?.digest !== digest,
    );
    const back = changes.every(([name, { digest }]) => candidate.revisions[name]?.digest === digest);
    if (changes.length > 0 && back) return release;
  }
  return undefined;
}
