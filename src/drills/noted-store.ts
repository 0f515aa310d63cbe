import type { Change, Store } from "../core/ports.ts";
import type { StepRecord } from "../core/rollout.ts";

export function intentId({ key, fence }: Pick<StepRecord, "key" | "fence">): string {
  return `${key} ${fence}`;
}

/** The store's own log: every intent that became durable together with its ledger entry is noted, whoever was told what. */
export function notedStore(store: Store, intents: Map<string, StepRecord>): Store {
  return {
    ...store,
    async commit(changes, guard, claim) {
      const answer = await store.commit(changes, guard, claim);
      if (answer.kind === "committed") for (const intent of intentsIn(changes)) intents.set(intentId(intent), intent);
      return answer;
    },
  };
}

function intentsIn(changes: readonly Change[]): readonly StepRecord[] {
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
