import { digestOfJson, type Json } from "../core/digest.ts";
import { type ChangeOfMind, changeOfMind } from "./change-of-mind.ts";
import { type HeldRecord, judgeHeld, newestHeld, type Recomputed, type Rest, unjudgeable } from "./recompute.ts";

/** A decision computed once more, and what would have changed it. */
export interface Replayed extends Omit<Recomputed, "samples"> {
  readonly changeOfMind?: ChangeOfMind;
}

/** Answers of decisions that are kept; each is a verdict, some kilobytes. */
const KEPT = 100;

/**
 * Computes decisions once more for whoever asks, one at a time, whoever else works in this process. What was judged is
 * kept: asked again, only the counts are held against the ledger's digest.
 */
export function createDecisionReplays(rest?: Rest) {
  const kept = new Map<string, Replayed>();
  let last: Promise<unknown> = Promise.resolve();

  async function replay(store: HeldRecord, rollout: string): Promise<Replayed | undefined> {
    const held = await newestHeld(store, rollout);
    if (!held) return undefined;
    const not = await unjudgeable(store, rollout, held, rest);
    if (not) return not;
    const key = digestOfJson(held as unknown as Json);
    const known = kept.get(key);
    if (known) return known;
    const { samples, ...again } = await judgeHeld(store, rollout, held, rest);
    const asks = again.answer === "same" && isOfCounts(again) && samples;
    const mind = asks ? await changeOfMind(held.parameters!, samples, again.verdict!, rest) : undefined;
    const answer = { ...again, ...(mind ? { changeOfMind: mind } : {}) };
    if (kept.size === KEPT) kept.delete(kept.keys().next().value!);
    kept.set(key, answer);
    return answer;
  }

  return (store: HeldRecord, rollout: string): Promise<Replayed | undefined> => {
    const next = last.then(() => replay(store, rollout));
    last = next.catch(() => {});
    return next;
  };
}

/** A rollback of a policy's or a person's would have been one whatever the counts were. */
function isOfCounts({ held, verdict }: Recomputed): boolean {
  return held.decision === "promotion" || verdict?.kind === "harmful";
}
