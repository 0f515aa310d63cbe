import { type Digest, digestOf } from "../core/digest.ts";
import type { Store } from "../core/ports.ts";
import type { Sample } from "../core/sample.ts";
import { samplesIn } from "../core/sample-pack.ts";
import type { Instant } from "../core/time.ts";
import type { Verdict } from "../core/verdict.ts";
import { createEvaluator, type EvaluatorSetup } from "../watch/evaluator.ts";
import { digestOfPacks, packsOf } from "./count-journal.ts";
import { digestOfSamples, type HeldEvidence, knownBy } from "./held-evidence.ts";
import { entriesAbout } from "./ledger-entries.ts";

/** A decision, computed once more from what the ledger holds. */
export interface Recomputed {
  readonly held: HeldEvidence;
  /** `same`: bit for bit. Else what differs, or why it cannot be computed. */
  readonly answer: "same" | "counts-changed" | "differs" | "not-judged";
  readonly verdict?: Verdict;
  /** Of so few that they can be judged a score of times, with some of them changed. */
  readonly samples?: readonly Sample[];
}

const MOST_BLOCKS = 20_000;

/** What a ledger holds: its leaves, and the packs of counts whose digests are in them. */
export type HeldRecord = Pick<Store, "entriesAbout" | "packs"> & Partial<Pick<Store, "samples">>;

/** Lets others have their turn: replaying hours of counts takes seconds, and leases are renewed in the same process. */
export type Rest = () => Promise<unknown>;

/** Recomputes the newest decision about a rollout; undefined when none was recorded. */
export async function recompute(store: HeldRecord, rollout: string, rest?: Rest): Promise<Recomputed | undefined> {
  const held = await newestHeld(store, rollout);
  return held && ((await unjudgeable(store, rollout, held, rest)) ?? (await judgeHeld(store, rollout, held, rest)));
}

export async function newestHeld(store: HeldRecord, rollout: string): Promise<HeldEvidence | undefined> {
  return (await entriesAbout(store, rollout, 1, "evidence-held"))[0]?.data as HeldEvidence | undefined;
}

/** Why a decision cannot be computed once more, if so: this reads the counts, and judges nothing. */
export async function unjudgeable(
  store: HeldRecord,
  rollout: string,
  held: HeldEvidence,
  rest?: Rest,
): Promise<Recomputed | undefined> {
  if (!held.parameters) return { held, answer: "not-judged" };
  const digest = await digestOfCounts(store, rollout, held, rest);
  return digest === held.samples ? undefined : { held, answer: "counts-changed" };
}

/** Counts that are the decision's, judged once more. @param held with parameters */
export async function judgeHeld(
  store: HeldRecord,
  rollout: string,
  held: HeldEvidence,
  rest?: Rest,
): Promise<Recomputed> {
  const few: Sample[] = [];
  const batches = async function* () {
    for await (const batch of batchesOf(store, rollout, held)) {
      if (held.blocks <= MOST_BLOCKS) few.push(...batch);
      yield batch;
    }
  };
  const verdict = await judgeAgain(held.parameters!, batches(), held.at, rest);
  const answer = agrees(held, verdict) ? "same" : "differs";
  return { held, answer, verdict, ...(held.blocks <= MOST_BLOCKS ? { samples: few } : {}) };
}

async function digestOfCounts(store: HeldRecord, rollout: string, held: HeldEvidence, rest?: Rest): Promise<string> {
  if (held.packs === undefined) return digestOfSamples(await rowsOf(store, rollout, held));
  const digests: Digest[] = [];
  for await (const { body } of packsOf(store, rollout, held.packs)) {
    digests.push(digestOf(body));
    await rest?.();
  }
  return digestOfPacks(digests);
}

async function* batchesOf(store: HeldRecord, rollout: string, held: HeldEvidence): AsyncGenerator<readonly Sample[]> {
  if (held.packs === undefined) yield await rowsOf(store, rollout, held);
  else for await (const pack of packsOf(store, rollout, held.packs)) yield samplesIn(pack);
}

async function rowsOf(store: HeldRecord, rollout: string, { at }: HeldEvidence): Promise<readonly Sample[]> {
  return knownBy((await store.samples?.(rollout)) ?? [], at);
}

type Batches = Iterable<readonly Sample[]> | AsyncIterable<readonly Sample[]>;

/** The same verdict, whatever the batches are. */
export async function judgeAgain(
  parameters: EvaluatorSetup,
  batches: Batches,
  at: Instant,
  rest?: Rest,
): Promise<Verdict> {
  const evaluator = createEvaluator(parameters);
  for await (const batch of batches) {
    evaluator.observe(batch);
    await rest?.();
  }
  return evaluator.judge(at);
}

/** Policies have findings too, which counts do not tell: they are left out, and what they added to the verdict. */
function agrees(held: HeldEvidence, verdict: Verdict): boolean {
  const before = new Map(held.findings.map((finding) => [finding.name, finding]));
  const judged = new Set(verdict.findings.map(({ name }) => name));
  const added = held.findings.some(({ name }) => !judged.has(name));
  const because = held.because?.filter((name) => judged.has(name)) ?? verdict.because;
  return (
    held.kind === (added ? "harmful" : verdict.kind) &&
    because.join("\n") === verdict.because.join("\n") &&
    Object.is(held.logThreshold, verdict.logThreshold) &&
    Object.is(held.logEvidence, verdict.logEvidence) &&
    verdict.findings.every(({ name, logHarm, logSafe, candidate, reference }) => {
      const was = before.get(name);
      const now = [logHarm, logSafe, candidate.n, candidate.k, reference.n, reference.k];
      const then = was && [was.logHarm, was.logSafe, ...was.candidate, ...was.reference];
      return then !== undefined && now.every((value, index) => Object.is(value, then[index]));
    })
  );
}
