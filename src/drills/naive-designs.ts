import type { Change, RestoreAdapter, RestoreRequest, Store } from "../core/ports.ts";
import type { Sabotage, WorldPorts } from "./world.ts";

/**
 * Designs that people build, each with one guard less than ours, to see that the invariants catch them. What they break is
 * broken below the controllers: the production code is the same.
 */
export const naiveDesigns: Readonly<Record<string, Sabotage>> = {
  "no fence at the store": { ports: ({ store }) => ({ store: unguarded(store) }) },
  "no fence at the targets": { guarantee: "idempotent" },
  "no keys and no fence at the targets": { guarantee: "blind" },
  "keys only": { guarantee: "idempotent", ports: ({ store }) => ({ store: unguarded(store) }) },
  "no lease": { ports: ({ store }) => ({ store: leaseless(store) }) },
  "no read-back": { ports: ({ target }) => ({ target: believing(target) }) },
  "effect before intent": { ports: lazyJournal },
};

function unguarded(store: Store): Store {
  return { ...store, commit: (changes, _, claim) => store.commit(changes, undefined, claim) };
}

/** Everybody may act, always: there is one fence, and it is everybody's. */
function leaseless(store: Store): Store {
  const everybodys = (resource: string) => ({
    resource,
    holder: "everybody",
    fence: 1,
    until: Number.MAX_SAFE_INTEGER,
  });
  return {
    ...unguarded(store),
    acquireLease: async (resource) => everybodys(resource),
    renewLease: async ({ resource }) => everybodys(resource),
    renewLeases: async (leases) => leases,
  };
}

/** Takes every answer for a success: what is read after a write is what was asked for. */
export function believing(target: RestoreAdapter): RestoreAdapter {
  const asked = new Map<string, RestoreRequest>();
  return {
    ...target,
    async apply(request, signal) {
      asked.set(request.at, request);
      await target.apply(request, signal);
      return { kind: "applied" };
    },
    async read(at, signal) {
      const request = asked.get(at);
      return request ? { kind: "live", digest: request.desired, version: "believed" } : target.read(at, signal);
    },
  };
}

/** Notes a step once it has happened: its intent is acknowledged at once, and written with whatever is written next. */
function lazyJournal({ store }: WorldPorts): Partial<WorldPorts> {
  let waiting: readonly Change[] = [];
  const lazy = (changes: readonly Change[]) =>
    changes.some((change) => change.kind === "step" && change.record.status === "intent");
  return {
    store: {
      ...store,
      async commit(changes, guard, claim) {
        if (lazy(changes)) {
          waiting = [...waiting, ...changes];
          return { kind: "committed" };
        }
        const late = waiting;
        waiting = [];
        return store.commit([...late, ...changes], guard, claim);
      },
    },
  };
}
