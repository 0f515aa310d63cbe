import type { Route } from "../core/entry.ts";
import type { Store } from "../core/ports.ts";
import type { Release, ReleaseId } from "../core/release.ts";
import type { Rollout } from "../core/rollout.ts";
import { storeErrorOf } from "../core/store-error.ts";
import type { Instant } from "../core/time.ts";
import type { OperatedSystem } from "./context.ts";

/** How many rollouts are shown. */
const SHOWN = 50;

/** What the store knows of a system. */
export interface Stored {
  readonly route?: Route | undefined;
  readonly lastKnownGood?:
    | {
        readonly release: ReleaseId;
        /** Absent: not known without the store. */
        readonly provedAt?: Instant;
        readonly label?: string | undefined;
        readonly revisions?: Release["revisions"] | undefined;
      }
    | undefined;
  readonly rollouts: readonly (Rollout & { readonly candidateLabel?: string | undefined })[];
}

/**
 * What the store knows of systems, and while it cannot be read what this process remembers of that, with what runs here and
 * is known without it.
 */
export function createMemory(store: Store): (system: string, operated: OperatedSystem) => Promise<Stored> {
  const memory = new Map<string, Stored>();
  return async (system, operated) => {
    try {
      const stored = await read(store, system);
      memory.set(system, stored);
      return stored;
    } catch (error) {
      if (!storeErrorOf(error)) throw error;
      return withoutStore(memory.get(system), operated);
    }
  };
}

async function read(store: Store, system: string): Promise<Stored> {
  const known = await store.lastKnownGood(system);
  const good = known && (await store.release(known.release));
  const rollouts = (await store.rollouts(system, SHOWN)).map(async (rollout) => ({
    ...rollout,
    candidateLabel: (await store.release(rollout.candidate))?.label,
  }));
  return {
    route: await store.route(system),
    lastKnownGood: known && { ...known, label: good?.label, revisions: good?.revisions },
    rollouts: await Promise.all(rollouts),
  };
}

function withoutStore(known: Stored | undefined, { control, edge }: OperatedSystem): Stored {
  const { good, running } = control().memory();
  const rollouts = known?.rollouts ?? [];
  return {
    route: known?.route ?? edge.served(),
    lastKnownGood: known?.lastKnownGood ?? (good && { release: good.id, label: good.label, revisions: good.revisions }),
    rollouts: running ? [running, ...rollouts.filter(({ id }) => id !== running.id)] : rollouts,
  };
}
