import { canonicalJson, digestOf } from "../core/digest.ts";
import { entryOf, type Run } from "./run.ts";

/**
 * Holds what the decision rested on, beside the work: how many blocks of counts there were, their digest, and the
 * frozen reference. The counts themselves are in the store; the ledger proves that nobody changed them afterwards.
 */
export async function holdEvidence(run: Run): Promise<void> {
  const samples = await run.ports.store.samples(run.rollout.id);
  const hash = digestOf(samples.map((sample) => canonicalJson({ ...sample })).join("\n"));
  const frozen = run.rollout.frozen.map((window) => ({ ...window }));
  const data = { blocks: samples.length, samples: hash, frozen, playbook: run.playbook.digest };
  const guard = { resource: run.lease.resource, fence: run.lease.fence };
  await run.ports.store.commit([entryOf(run, "evidence-held", data)], guard);
}
