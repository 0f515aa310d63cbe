import type { Change, Store } from "../core/ports.ts";
import type { StepRecord } from "../core/rollout.ts";

/** The store's own log: every intent that became durable together with its ledger entry is noted, whoever was told what. */
export function notedStore(store: Store, intents: Map<string, StepRecord>): Store {
  return {
    ...store,
    async commit(changes, guard, claim) {
      const answer = await store.commit(changes, guard, claim);
      if (answer.kind === "committed") for (const intent of intentsIn(changes)) intents.set(intent.key, intent);
      return answer;
    },
  };
}

function intentsIn(changes: readonly Change[]): readonly StepRecord[] {
  const entered = new Set<string>();
  for (const change of changes) {
    if (change.kind !== "entry" || change.entry.type !== "step-intent") continue;
    entered.add((change.entry.data as unknown as StepRecord).key);
  }
  return changes.flatMap((change) => (change.kind === "step" && entered.has(change.record.key) ? [change.record] : []));
}
