import { type Digest, digestOfJson, type Json } from "../core/digest.ts";
import type { Store } from "../core/ports.ts";
import type { RolloutRecord } from "../core/rollout.ts";
import { entryOf, type Run } from "./run.ts";

/** How many entries are read at once. */
const PAGE = 1000;

/** What a report is made of, as one digest: the rollout, its counts, its sagas and their steps. */
export function digestOfRecord(record: RolloutRecord): Digest {
  return digestOfJson(JSON.parse(JSON.stringify(record)) as Json);
}

/** Puts the digest of the ended rollout's record into the ledger, so that a later change of the tables shows. */
export async function seal(run: Run): Promise<void> {
  const record = await run.ports.store.record(run.rollout.id);
  if (!record) return;
  const guard = { resource: run.lease.resource, fence: run.lease.fence };
  await run.ports.store.commit([entryOf(run, "sealed", { record: digestOfRecord(record) })], guard);
}

/** `broken`: the record is not the one that was sealed. `open`: it was never sealed, so nothing can be said. */
export async function sealOf(store: Store, record: RolloutRecord): Promise<"whole" | "broken" | "open"> {
  let sealed: string | undefined;
  for (let from = 0; ; from += PAGE) {
    const entries = await store.entries(from, PAGE);
    for (const { leaf } of entries) {
      const { type, rollout, data } = JSON.parse(leaf) as { type: string; rollout?: string; data: { record?: string } };
      if (type === "sealed" && rollout === record.rollout.id) sealed = data.record;
    }
    if (entries.length < PAGE) break;
  }
  if (sealed === undefined) return "open";
  return sealed === digestOfRecord(record) ? "whole" : "broken";
}
