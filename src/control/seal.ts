import { type Digest, digestOf, digestOfJson, type Json } from "../core/digest.ts";
import type { Store } from "../core/ports.ts";
import type { Rollout, RolloutRecord } from "../core/rollout.ts";
import { packsOf } from "./count-journal.ts";
import { entriesAbout } from "./ledger-entries.ts";
import { entryOf, packCounts, type Run } from "./run.ts";

/**
 * What a report is made of, as one digest: the rollout, its counts, its sagas and their steps. Not whether people were told
 * of it: that is forgotten when they were, which may be after the seal.
 */
async function digestOfRecord(store: Store, record: RolloutRecord): Promise<Digest> {
  const packs = await Array.fromAsync(packsOf(store, record.rollout.id), ({ body }) => digestOf(body));
  // Before there were packs the rows themselves were sealed.
  const samples = packs.length === 0 ? record.samples : { packs, sums: record.samples.length };
  const { owed: _, ...rollout } = record.rollout;
  return digestOfJson({ ...record, rollout, samples } as unknown as Json);
}

/** Packs what is left of its counts, and puts the digest of the ended rollout's record into the ledger, so that a later change of the tables shows. */
export async function seal(run: Run): Promise<void> {
  await packCounts(run);
  const record = await run.ports.store.record(run.rollout.id);
  if (!record) return;
  const guard = { resource: run.lease.resource, fence: run.lease.fence };
  await run.ports.store.commit(
    [entryOf(run, "sealed", { record: await digestOfRecord(run.ports.store, record) })],
    guard,
  );
}

/** A seal follows whatever else is recorded of a rollout. */
export async function isSealed(store: Pick<Store, "entriesAbout">, rollout: string): Promise<boolean> {
  return (await entriesAbout(store, rollout, 1))[0]?.type === "sealed";
}

/** Answers the newest rollout when it has ended and was not sealed: the store was away just then, or its controller died. */
export function createUnsealed(store: Store): (newest: Rollout | undefined) => Promise<string | undefined> {
  let sealed: string | undefined;
  return async (newest) => {
    if (!newest || newest.id === sealed || newest.endedAt === undefined || newest.rollback?.outcome === "stuck") return;
    if (!(await isSealed(store, newest.id))) return newest.id;
    sealed = newest.id;
    return;
  };
}

/** `broken`: the record is not the one that was sealed. `open`: it was never sealed, so nothing can be said. */
export async function sealOf(store: Store, record: RolloutRecord): Promise<"whole" | "broken" | "open"> {
  const [newest] = await entriesAbout(store, record.rollout.id, 1, "sealed");
  const sealed = (newest?.data as { record?: string } | undefined)?.record;
  if (sealed === undefined) return "open";
  return sealed === (await digestOfRecord(store, record)) ? "whole" : "broken";
}
