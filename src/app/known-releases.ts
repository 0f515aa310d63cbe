import type { Store } from "../core/ports.ts";
import type { Release, ReleaseId } from "../core/release.ts";

/** The releases that this process has met, for those who cannot wait for the store: a route that is being set. */
export interface KnownReleases {
  /** The store, which tells us of every release that is written through it. */
  readonly store: Store;
  get(id: ReleaseId): Release | undefined;
  /** Learns what a system may have on its route after a restart. */
  learn(system: string): Promise<void>;
  meet(ids: readonly ReleaseId[]): Promise<void>;
}

export function knowReleases(store: Store): KnownReleases {
  const known = new Map<ReleaseId, Release>();
  const meet = async (ids: readonly ReleaseId[]) => {
    for (const id of ids) {
      const release = known.has(id) ? undefined : await store.release(id);
      if (release) known.set(id, release);
    }
  };
  return {
    store: {
      ...store,
      commit(changes, guard, claim) {
        for (const change of changes) if (change.kind === "release") known.set(change.release.id, change.release);
        return store.commit(changes, guard, claim);
      },
    },
    get: (id) => known.get(id),
    async learn(system) {
      const route = await store.route(system);
      const good = await store.lastKnownGood(system);
      await meet([route?.stable, route?.candidate, good?.release].filter((id) => id !== undefined));
    },
    meet,
  };
}
