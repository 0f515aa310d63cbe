import { RollbookError } from "../core/errors.ts";
import type { Verdict } from "../core/verdict.ts";
import type { EvaluatorSetup } from "../watch/evaluator.ts";
import { createDecisionReplays } from "./decision-replays.ts";
import { explainedFinding } from "./explanation.ts";
import { budgetSentence, findingSentence, mindSentence, recordSentence } from "./explanation-words.ts";
import type { Decision } from "./held-evidence.ts";
import type { HeldRecord, Recomputed } from "./recompute.ts";

/** What an exported ledger says of a decision by itself, computed once more from its leaves and packs. */
export interface HeldExplanation {
  readonly rollout: string;
  readonly decision: Decision;
  readonly at: number;
  readonly verdict: Verdict["kind"];
  readonly recomputed: Recomputed["answer"];
  readonly logEvidence: number;
  readonly logThreshold: number;
  readonly sentences: readonly string[];
}

const WORDS: Readonly<Record<Decision, string>> = {
  rollback: "It went back",
  promotion: "It was promoted",
  "would-have": "It would have gone back; the playbook only observed",
};

/** @throws NOT_FOUND when the record holds no decision about the rollout */
export async function explainHeld(record: HeldRecord, rollout: string): Promise<HeldExplanation> {
  const again = await createDecisionReplays()(record, rollout);
  if (!again) throw new RollbookError("NOT_FOUND", { what: `a decision about rollout ${rollout} in this ledger` });
  const { held, verdict, answer, changeOfMind: mind } = again;
  return {
    rollout,
    decision: held.decision,
    at: held.at,
    verdict: held.kind,
    recomputed: answer,
    logEvidence: held.logEvidence,
    logThreshold: held.logThreshold,
    sentences: [
      `${WORDS[held.decision]}, judged at ${new Date(held.at).toISOString()}.`,
      ...(verdict ? claims(held.parameters!, verdict) : []),
      ...(mind ? [mindSentence(mind)] : []),
      recordSentence(again),
    ],
  };
}

function claims({ alpha, rules, hardLimits }: EvaluatorSetup, verdict: Verdict): readonly string[] {
  const signals = [...rules, ...hardLimits].map(({ signal }) => signal);
  const sentences = verdict.findings.map((finding) => findingSentence(explainedFinding({ signals }, finding)));
  return [budgetSentence({ falseAlarms: alpha }, verdict), ...sentences];
}
