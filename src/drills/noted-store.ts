import type { Change, Store } from "../core/ports.ts";
import type { StepRecord } from "../core/rollout.ts";

export function intentId({ key, fence }: Pick<StepRecord, "key" | "fence">): string {
  return `${key} ${fence}`;
}

/** The store's own log: every intent that became durable together with its ledger entry is noted, whoever was told what. */
export function notedStore(store: Store, intents: Set<string>): Store {
  return {
    ...store,
    async commit(changes, guard) {
      const answer = await store.commit(changes, guard);
      if (answer.kind === "committed") for (const intent of intentsIn(changes)) intents.add(intent);
      return answer;
    },
  };
}

function intentsIn(changes: readonly Change[]): readonly string[] {
  const entered = new Set<string>();
  for (const change of changes) {
    if (change.kind !== "entry" || change.entry.type !== "step-intent") continue;
    const { key, fence } = change.entry.data as unknown as StepRecord;
    entered.add(intentId({ key, fence }));
  }
  return changes.flatMap((change) => {
    const id = change.kind === "step" ? intentId(change.record) : "";
    return entered.has(id) ? [id] : [];
  });
}
