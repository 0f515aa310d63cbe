import type { Change, Guard, Store } from "../core/ports.ts";
import type { Lease, StepRecord } from "../core/rollout.ts";

/** Where the steps of a saga that run side by side write what they did. */
export interface SagaJournal {
  /**
   * All of it becomes durable in one commit, after everything that was given before; false when we are fenced. With `also` it is a
   * commit of its own, and false means no more than that it was not written.
   */
  write(records: readonly StepRecord[], changes: readonly Change[], also?: Guard["also"]): Promise<boolean>;
}

interface Batch {
  readonly records: StepRecord[];
  readonly changes: Change[];
  written: Promise<boolean>;
}

/**
 * One commit at a time, in order. What is given while one is under way goes into the next one together, so that steps that
 * end together cost one commit; nothing ever waits for a target. After a commit that failed nothing is written any more:
 * what comes later rests on it.
 */
export function createSagaJournal(
  { store, onStep }: { readonly store: Store; readonly onStep: (record: StepRecord) => void },
  { resource, fence }: Lease,
): SagaJournal {
  let last: Promise<unknown> = Promise.resolve();
  let open: Batch | undefined;
  const flush = async (batch: Batch, also: Guard["also"]): Promise<boolean> => {
    if (open === batch) open = undefined;
    const { kind } = await store.commit(batch.changes, { resource, fence, ...(also && { also }) });
    if (kind === "fenced") return false;
    for (const record of batch.records) onStep(record);
    return true;
  };
  const begin = (also?: Guard["also"]): Batch => {
    const batch: Batch = { records: [], changes: [], written: last.then(() => flush(batch, also)) };
    last = batch.written;
    return batch;
  };
  return {
    write(records, changes, also) {
      const batch = also || !open ? begin(also) : open;
      open = also ? undefined : batch;
      batch.records.push(...records);
      batch.changes.push(...changes);
      return batch.written;
    },
  };
}
