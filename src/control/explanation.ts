import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Store } from "../core/ports.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Finding, Tally, Verdict } from "../core/verdict.ts";
import { type Interval, interval } from "../statistics/index.ts";
import { badOf } from "../watch/rule.ts";
import { signalOf } from "./rules.ts";

/** A verdict taken apart: the numbers that it rests on, and the same in sentences. */
export interface Explanation {
  readonly rollout: string;
  readonly decision: string;
  readonly verdict: Verdict["kind"];
  /** Odds that the evidence reached, as natural logarithms, against what the false-alarm budget asks. */
  readonly logEvidence: number;
  readonly logThreshold: number;
  readonly findings: readonly ExplainedFinding[];
  readonly sentences: readonly string[];
}

export interface ExplainedFinding {
  readonly name: string;
  readonly claim: string;
  readonly kind: Finding["kind"];
  readonly method: Finding["method"];
  readonly candidate: Counted;
  readonly reference: Counted & { readonly from: "concurrent stable" | "frozen window" | "none" };
  readonly logHarm: number;
  readonly logSafe: number;
}

/** Bad observations of all, with the exact 95 % interval of their share. */
export interface Counted {
  readonly n: number;
  readonly bad: number;
  readonly interval: Interval;
}

const CONFIDENCE = 0.95;

/** Explains the verdict that a rollout rests on now, or ended with. @throws NOT_FOUND */
export async function explainRollout(store: Store, playbook: Playbook, id: string): Promise<Explanation> {
  const rollout = await store.rollout(id);
  if (!rollout) throw new RollbookError("NOT_FOUND", { what: `rollout ${id}` });
  const verdict = rollout.wouldHave?.verdict ?? rollout.verdict;
  if (!verdict) throw new RollbookError("NOT_FOUND", { what: `verdict of rollout ${id} yet` });
  const findings = verdict.findings.map((finding) => explained(playbook, finding));
  const decision = decisionOf(rollout);
  return {
    rollout: id,
    decision,
    verdict: verdict.kind,
    logEvidence: verdict.logEvidence,
    logThreshold: verdict.logThreshold,
    findings,
    sentences: [decision, budgetSentence(playbook, verdict), ...findings.map(sentenceOf)],
  };
}

function decisionOf({ rollback, wouldHave, promotedAt, phase, note, order }: Rollout): string {
  if (wouldHave)
    return `It would have gone back because of ${wouldHave.because.join(", ")}; the playbook only observes.`;
  if (rollback) return `It went back: ${rollback.cause[0]}, because of ${rollback.cause.slice(1).join(", ")}.`;
  if (promotedAt !== undefined || phase === "healthy") return "It was promoted: every claim was proved not to hold.";
  if (order?.kind === "pause") return `It is paused by ${order.by}: ${order.reason}.`;
  return note ? `It ended: ${note}.` : "Nothing is decided yet.";
}

function budgetSentence({ falseAlarms }: Playbook, { logEvidence, logThreshold }: Verdict): string {
  const releases = Math.round(1 / falseAlarms).toLocaleString("en-US");
  return `Of ${releases} releases that do no harm at most one is rolled back by all claims together, however often one looks: that asks for evidence of ${odds(logThreshold)}, and there is ${odds(logEvidence)}.`;
}

function explained(playbook: Playbook, finding: Finding): ExplainedFinding {
  const { name, claim, kind, method, logHarm, logSafe, candidate, reference } = finding;
  const known = playbook.signals.some((signal) => signal.name === finding.signal);
  const badIs = known && signalOf(playbook, finding.signal).better === "up" ? "rest" : "part";
  const counted = ({ n, k }: Tally): Counted => {
    const bad = badOf({ badIs }, { n, k });
    // A count can be larger than what it is counted per; it has no share.
    return { n, bad, interval: bad <= n ? interval(n, bad, CONFIDENCE) : { low: 0, high: 1, share: 1 } };
  };
  const from =
    reference.n === 0 ? "none" : reference.release === "frozen-window" ? "frozen window" : "concurrent stable";
  return {
    name,
    claim,
    kind,
    method,
    candidate: counted(candidate),
    reference: { ...counted(reference), from },
    logHarm,
    logSafe,
  };
}

function sentenceOf({ name, claim, kind, method, candidate, reference, logHarm, logSafe }: ExplainedFinding): string {
  if (method === "policy") return `${name}: the policy says: ${claim}.`;
  const beside = reference.from === "none" ? "" : `; ${reference.from}: ${frequency(reference)}`;
  const counts = `${name} ("${claim}"): candidate ${frequency(candidate)}${beside}`;
  if (method === "hard-limit") return `${counts}. A plain limit, ${kind === "harmful" ? "broken" : "kept"}.`;
  if (kind === "harmful") return `${counts}. The evidence that it holds is ${odds(logHarm)}.`;
  if (kind === "healthy") return `${counts}. The evidence that it does not hold is ${odds(logSafe)}.`;
  return `${counts}. ${kind}: ${odds(logHarm)} for it, ${odds(logSafe)} against it.`;
}

function frequency({ n, bad, interval: { low, high } }: Counted): string {
  if (n === 0) return "nothing seen";
  const per100 = (share: number) => (100 * share).toFixed(2);
  return `${bad} bad of ${n}, ${per100(bad / n)} in 100 (95 % interval ${per100(low)} to ${per100(high)})`;
}

function odds(logE: number): string {
  if (logE > 27) return `over 10^${Math.floor(logE / Math.LN10)} to 1`;
  return `${Math.max(1, Math.round(Math.exp(logE))).toLocaleString("en-US")} to 1`;
}
