import type { Change, Store } from "../core/ports.ts";
import type { Lease, StepRecord } from "../core/rollout.ts";

/** What a store has taken and given. */
export interface StoreLog {
  /** Every intent that became durable together with its ledger entry, by its key. */
  readonly intents: Map<string, StepRecord>;
  /** Under which fence of its target each was, by `intendedUnder`. */
  readonly intended: Set<string>;
  /** The newest lease of each resource. */
  readonly leases: Map<string, Lease>;
}

/** The first intents of a saga name no fence: they ask for its leases with their own commit. */
export function intendedUnder(key: string, targetFence?: number): string {
  return `${key} ${targetFence ?? "first"}`;
}

/** The store with its own log, whoever was told what. */
export function notedStore(store: Store, { intents, intended, leases }: StoreLog): Store {
  const noted = (lease: Lease | undefined) => {
    if (lease) leases.set(lease.resource, lease);
    return lease;
  };
  return {
    ...store,
    acquireLease: (...asked) => store.acquireLease(...asked).then(noted),
    renewLease: (...asked) => store.renewLease(...asked).then(noted),
    renewLeases: async (...asked) => {
      const renewed = await store.renewLeases(...asked);
      for (const lease of renewed) noted(lease);
      return renewed;
    },
    commit: (changes, guard, claim) =>
      store.commit(changes, guard, claim).then((answer) => {
        if (answer.kind !== "committed") return answer;
        for (const intent of intentsIn(changes)) {
          intents.set(intent.key, intent);
          intended.add(intendedUnder(intent.key, intent.targetFence));
        }
        for (const lease of answer.claimed ?? []) noted(lease);
        return answer;
      }),
  };
}

export function intentsIn(changes: readonly Change[]): readonly StepRecord[] {
  if (!changes.some(({ kind }) => kind === "step")) return [];
  const entered = new Set<string>();
  for (const change of changes) {
    if (change.kind !== "entry" || change.entry.type !== "step-intent") continue;
    entered.add((change.entry.data as unknown as StepRecord).key);
  }
  return changes.flatMap((change) => (change.kind === "step" && entered.has(change.record.key) ? [change.record] : []));
}
