import { digestOf } from "../core/digest.ts";
import type { Store } from "../core/ports.ts";
import type { Sample } from "../core/sample.ts";
import { samplesIn } from "../core/sample-pack.ts";
import type { Verdict } from "../core/verdict.ts";
import { createEvaluator, type EvaluatorSetup } from "../watch/evaluator.ts";
import { digestOfPacks, packsOf } from "./count-journal.ts";
import { digestOfSamples, type HeldEvidence, knownBy } from "./held-evidence.ts";
import { newestEntry } from "./ledger-entries.ts";

/** A decision, computed once more from what the ledger holds. */
export interface Recomputed {
  readonly held: HeldEvidence;
  /** `same`: bit for bit. Else what differs, or why it cannot be computed. */
  readonly answer: "same" | "counts-changed" | "differs" | "not-judged";
  readonly verdict?: Verdict;
  readonly samples?: readonly Sample[];
}

/** What a ledger holds: its leaves, and the packs of counts whose digests are in them. */
export type HeldRecord = Pick<Store, "entries" | "packs"> & Partial<Pick<Store, "samples">>;

/** Recomputes the newest decision about a rollout; undefined when none was recorded. */
export async function recompute(store: HeldRecord, rollout: string): Promise<Recomputed | undefined> {
  const held = (await newestEntry(store, "evidence-held", rollout))?.data as HeldEvidence | undefined;
  if (!held) return undefined;
  if (!held.parameters) return { held, answer: "not-judged" };
  const { samples, digest } = await countsOf(store, rollout, held);
  if (digest !== held.samples) return { held, answer: "counts-changed" };
  const verdict = judgeAgain(held.parameters, samples, held.at);
  return { held, answer: agrees(held, verdict) ? "same" : "differs", verdict, samples };
}

async function countsOf(store: HeldRecord, rollout: string, { packs: most, at }: HeldEvidence) {
  if (most === undefined) {
    const samples = knownBy((await store.samples?.(rollout)) ?? [], at);
    return { samples, digest: digestOfSamples(samples) };
  }
  const packs = await Array.fromAsync(packsOf(store, rollout, most));
  return { samples: packs.flatMap(samplesIn), digest: digestOfPacks(packs.map(({ body }) => digestOf(body))) };
}

export function judgeAgain(parameters: EvaluatorSetup, samples: readonly Sample[], at: number): Verdict {
  const evaluator = createEvaluator(parameters);
  evaluator.observe(samples);
  return evaluator.judge(at);
}

/** Policies have findings too, which counts do not tell: they are left out. */
function agrees(held: HeldEvidence, verdict: Verdict): boolean {
  const before = new Map(held.findings.map((finding) => [finding.name, finding]));
  return (
    Object.is(held.logEvidence, verdict.logEvidence) &&
    verdict.findings.every(({ name, logHarm, logSafe, candidate, reference }) => {
      const was = before.get(name);
      const now = [logHarm, logSafe, candidate.n, candidate.k, reference.n, reference.k];
      const then = was && [was.logHarm, was.logSafe, ...was.candidate, ...was.reference];
      return then !== undefined && now.every((value, index) => Object.is(value, then[index]));
    })
  );
}
