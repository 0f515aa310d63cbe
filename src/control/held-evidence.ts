import { canonicalJson, digestOf, type Json } from "../core/digest.ts";
import type { Change } from "../core/ports.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";
import type { Verdict } from "../core/verdict.ts";
import type { EvaluatorSetup } from "../watch/evaluator.ts";
import { entryOf, type Run } from "./run.ts";

/** What a verdict decided: it went back, it was promoted, or it would have gone back. */
export type Decision = "rollback" | "promotion" | "would-have";

/** What the ledger holds of a decision, so that anybody can recompute it. */
export interface HeldEvidence {
  readonly decision: Decision;
  /** When it was judged: what became known later had no part in it. */
  readonly at: Instant;
  readonly kind: Verdict["kind"];
  /** What was blamed, policies too. Absent in records of before it was held. */
  readonly because?: readonly string[];
  /** Everything that was fixed before the first outcome. Absent: nothing was judged yet. */
  readonly parameters?: EvaluatorSetup;
  readonly playbook: string;
  /** How many blocks of counts, and their digest: with `packs` that of so many packs' digests. */
  readonly blocks: number;
  readonly samples: string;
  readonly packs?: number;
  readonly logEvidence: number;
  readonly logThreshold: number;
  readonly findings: readonly {
    readonly name: string;
    readonly logHarm: number;
    readonly logSafe: number;
    readonly candidate: readonly [n: number, k: number];
    readonly reference: readonly [n: number, k: number];
  }[];
}

/** Of a decision without packs: the counts that were known then, in the order in which the store gives them. */
export function knownBy(samples: readonly Sample[], at: Instant): readonly Sample[] {
  return samples.filter(({ known, bucket }) => (known ?? bucket + 1000) <= at);
}

export function digestOfSamples(samples: readonly Sample[]): string {
  return digestOf(samples.map((sample) => canonicalJson({ ...sample } as Json)).join("\n"));
}

/**
 * Holds what a decision rested on, beside the work: the parameters, the evidence, and all counts so far in packs. The
 * digest of each pack is in a leaf; the packs go wherever the ledger goes.
 */
export async function holdEvidence(run: Run, decision: Decision, verdict: Verdict): Promise<void> {
  await writeHeld(run, heldChanges(run, decision, verdict));
}

/** The pack and the entry, made once: what is tried again must be the same. */
export function heldChanges(run: Run, decision: Decision, verdict: Verdict): readonly Change[] {
  const packed = run.counts.pack("held");
  const { kind, at, because, logEvidence, logThreshold } = verdict;
  const held: HeldEvidence = {
    decision,
    at,
    kind,
    because,
    ...(run.parameters ? { parameters: run.parameters } : {}),
    playbook: run.playbook.digest,
    ...run.counts.packed(),
    logEvidence,
    logThreshold,
    findings: verdict.findings.map(({ name, logHarm, logSafe, candidate, reference }) => ({
      name,
      logHarm,
      logSafe,
      candidate: [candidate.n, candidate.k],
      reference: [reference.n, reference.k],
    })),
  };
  const data = JSON.parse(JSON.stringify(held)) as { readonly [key: string]: Json };
  return [...packed, entryOf(run, "evidence-held", data)];
}

export async function writeHeld(run: Run, changes: readonly Change[]): Promise<void> {
  const { resource, fence } = run.lease;
  const { kind } = await run.ports.store.commit(changes, { resource, fence });
  if (kind === "committed") run.counts.packWritten();
}

/** Was it written, although nobody heard so? Its pack tells; without one it is only written twice. */
export async function isHeld(run: Run, changes: readonly Change[]): Promise<boolean> {
  const pack = changes.find((change) => change.kind === "pack")?.pack;
  const held = pack !== undefined && (await run.ports.store.packs(run.rollout.id, pack.number, 1)).length > 0;
  if (held) run.counts.packWritten();
  return held;
}
