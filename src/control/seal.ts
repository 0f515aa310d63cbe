import { type Digest, digestOf, digestOfJson, type Json } from "../core/digest.ts";
import type { Store } from "../core/ports.ts";
import type { RolloutRecord } from "../core/rollout.ts";
import { packsOf } from "./count-journal.ts";
import { newestEntry } from "./ledger-entries.ts";
import { entryOf, packCounts, type Run } from "./run.ts";

/** What a report is made of, as one digest: the rollout, its counts, its sagas and their steps. */
async function digestOfRecord(store: Store, record: RolloutRecord): Promise<Digest> {
  const packs = await Array.fromAsync(packsOf(store, record.rollout.id), ({ body }) => digestOf(body));
  // Before there were packs the rows themselves were sealed.
  const samples = packs.length === 0 ? record.samples : { packs, sums: record.samples.length };
  return digestOfJson({ ...record, samples } as unknown as Json);
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

/** `broken`: the record is not the one that was sealed. `open`: it was never sealed, so nothing can be said. */
export async function sealOf(store: Store, record: RolloutRecord): Promise<"whole" | "broken" | "open"> {
  const sealed = ((await newestEntry(store, "sealed", record.rollout.id))?.data as { record?: string } | undefined)
    ?.record;
  if (sealed === undefined) return "open";
  return sealed === (await digestOfRecord(store, record)) ? "whole" : "broken";
}
