import type { Change, Store } from "../core/ports.ts";
import type { Lease, StepRecord } from "../core/rollout.ts";

export function intentId({ key, fence }: Pick<StepRecord, "key" | "fence">): string {
  return `${key} ${fence}`;
}

/** What a store has taken and given. */
export interface StoreLog {
  /** Every intent that became durable together with its ledger entry, by `intentId`. */
  readonly intents: Map<string, StepRecord>;
  /** The newest lease of each resource. */
  readonly leases: Map<string, Lease>;
}

/** The store with its own log, whoever was told what. */
export function notedStore(store: Store, { intents, leases }: StoreLog): Store {
  const noted = (lease: Lease | undefined) => {
    if (lease) leases.set(lease.resource, lease);
    return lease;
  };
  return {
    ...store,
    acquireLease: (...asked) => store.acquireLease(...asked).then(noted),
    renewLease: (...asked) => store.renewLease(...asked).then(noted),
    commit: (changes, guard, claim) =>
      store.commit(changes, guard, claim).then((answer) => {
        if (answer.kind === "committed") for (const intent of intentsIn(changes)) intents.set(intentId(intent), intent);
        return answer;
      }),
  };
}

function intentsIn(changes: readonly Change[]): readonly StepRecord[] {
  if (!changes.some(({ kind }) => kind === "step")) return [];
  const entered = new Set<string>();
  for (const change of changes) {
    if (change.kind !== "entry" || change.entry.type !== "step-intent") continue;
    const { key, fence } = change.entry.data as unknown as StepRecord;
    entered.add(intentId({ key, fence }));
  }
  return changes.flatMap((change) =>
    change.kind === "step" && entered.has(intentId(change.record)) ? [change.record] : [],
  );
}
