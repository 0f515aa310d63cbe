import type { Store } from "../core/ports.ts";
import type { Rollout } from "../core/rollout.ts";

/** The store, with what a running rollout knows beyond it: its newest verdict is not written every time. */
export function withNewestKnown(store: Store, acting: (id: string) => Rollout | undefined): Store {
  return {
    ...store,
    rollout: async (id) => acting(id) ?? store.rollout(id),
    record: async (id) => {
      const record = await store.record(id);
      return record && { ...record, rollout: acting(id) ?? record.rollout };
    },
  };
}
