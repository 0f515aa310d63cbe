import { type Playbook, percentile } from "../core/playbook.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Verdict } from "../core/verdict.ts";
import type { ChangeOfMind } from "./change-of-mind.ts";
import type { Counted, ExplainedFinding, ExplainedSegment } from "./explanation.ts";
import type { Recomputed } from "./recompute.ts";

/** What became of the rollout, and why. */
export function decisionSentence(rollout: Rollout): string {
  const { rollback, wouldHave, promotedAt, promotedOn, phase, note, order } = rollout;
  if (wouldHave)
    return `It would have gone back because of ${wouldHave.because.join(", ")}; the playbook only observes.`;
  if (rollback) return `It went back: ${rollback.cause[0]}, because of ${rollback.cause.slice(1).join(", ")}.`;
  if (promotedOn)
    return `It was promoted by ${promotedOn.by}: ${promotedOn.reason}. It was ${promotedOn.verdict} then.`;
  if (promotedAt !== undefined || phase === "healthy") return "It was promoted: every claim was proved not to hold.";
  if (order?.kind === "pause") return `It is paused by ${order.by}: ${order.reason}.`;
  return note ? `It ended: ${note}.` : "Nothing is decided yet.";
}

/** How much evidence the playbook asks for, and how much there is. */
export function budgetSentence({ falseAlarms }: Pick<Playbook, "falseAlarms">, verdict: Verdict): string {
  if (verdict.findings.length === 0) return "No claim has been judged yet.";
  const { logEvidence, logThreshold } = verdict;
  const releases = Math.round(1 / falseAlarms).toLocaleString("en-US");
  return `Of ${releases} releases that do no harm at most one is rolled back by all claims together, however often one looks: that asks for evidence of ${odds(logThreshold)}, and there is ${odds(logEvidence)}.`;
}

/** One claim: what was counted, and what it proves. */
export function findingSentence(finding: ExplainedFinding): string {
  const { name, claim, kind, method, candidate, reference, logHarm, logSafe, doubts = [] } = finding;
  if (method === "policy") return `${name}: the policy says: ${claim}.`;
  const doubt = doubts.map((text) => ` Doubt: ${text}.`).join("");
  const rests = finding.assumes === undefined ? "" : ` This is ${finding.assumes}.`;
  const slow = slowSentence(finding);
  const beside = reference.from === "none" ? "" : `; ${sideOf(reference, referenceName(reference))}`;
  const within = (finding.segments ?? []).map(segmentSentence).join("");
  const counts = `${name} ("${claim}"): ${sideOf(candidate, "candidate")}${beside}`;
  if (method === "run-length")
    return `${name} ("${claim}"): the longest run was ${candidate.bad}. A plain limit, ${kind === "harmful" ? "broken" : "kept"}.`;
  if (method === "hard-limit") return `${counts}. A plain limit, ${kind === "harmful" ? "broken" : "kept"}.`;
  if (kind === "harmful")
    return `${counts}. The evidence that it holds is ${odds(logHarm)}.${within}${slow}${rests}${doubt}`;
  if (kind === "healthy")
    return `${counts}. The evidence that it does not hold is ${odds(logSafe)}.${slow}${rests}${doubt}`;
  return `${counts}. ${kind}: ${odds(logHarm)} for it, ${odds(logSafe)} against it.${within}${slow}${rests}${doubt}`;
}

/** What is slow, and at which of several quantiles that says most. */
function slowSentence({ threshold, quantile }: ExplainedFinding): string {
  if (threshold === undefined) return "";
  const slow = `slow is what takes longer than ${Number(threshold.toPrecision(3))} s.`;
  return quantile === undefined
    ? ` S${slow.slice(1)}`
    : ` Of its quantiles ${percentile(quantile)} speaks most for harm: ${slow}`;
}

/** What one segment says by itself. */
function segmentSentence({ candidate, reference, logHarm, failed }: ExplainedSegment): string {
  const beside = reference.n === 0 ? "" : `; ${sideOf(reference, "stable")}`;
  const how = failed ? "It holds there by itself" : "It is loudest there";
  return ` ${how}: ${sideOf(candidate, "candidate")}${beside}, ${odds(logHarm)}.`;
}

function referenceName({ from, season }: ExplainedFinding["reference"]): string {
  if (from !== "frozen window") return from;
  return season === undefined ? "frozen window right before" : `frozen window of ${season}`;
}

/** What would have changed its mind. */
export function mindSentence({ rule, turned, answers }: ChangeOfMind): string {
  const many = answers.toLocaleString("en-US");
  const its = `of the candidate's newest ${turned === "good" ? "bad" : "good"} answers`;
  return turned === "good"
    ? `What would have changed its mind: had ${many} ${its} been good, ${rule} would not have been proved by then.`
    : `What would have changed its mind: had ${many} ${its} been bad, it would have gone back because of ${rule}.`;
}

/** What the record says of all this. */
export function recordSentence({ held, answer }: Recomputed): string {
  const blocks = `${held.blocks.toLocaleString("en-US")} blocks of counts`;
  switch (answer) {
    case "same":
      return `Computed once more from the ledger's parameters and ${blocks}: the same, bit for bit.`;
    case "counts-changed":
      return `THE COUNTS ARE NOT THOSE OF THE DECISION: the ledger holds another digest of ${blocks} (${held.samples}).`;
    case "differs":
      return `COMPUTED ONCE MORE IT DIFFERS from what the ledger holds; the decision was made by another version, or a record was changed.`;
    case "not-judged":
      return "It was decided by a person before anything was judged.";
  }
}

/** A side's counts as natural frequencies: "of 1,000 about 21 are bad". */
function sideOf({ n, bad, interval, mean, group }: Counted, who: string): string {
  const name = group === undefined ? who : `${who} (${group})`;
  if (n === 0) return `${name}: nothing seen`;
  if (mean !== undefined) return `${name}: a mean of ${mean.toFixed(3)} over ${n.toLocaleString("en-US")}`;
  const counts = `${bad.toLocaleString("en-US")} bad of ${n.toLocaleString("en-US")}`;
  if (bad > n) return `${name}: ${counts}`;
  const whole = baseOf(bad / n);
  const per = (share: number) => Number((whole * share).toPrecision(3)).toLocaleString("en-US");
  return `${name}: ${counts}, so of ${whole.toLocaleString("en-US")} about ${per(bad / n)} (95 % interval ${per(interval.low)} to ${per(interval.high)})`;
}

/** The smallest round number of which at least one is bad. */
function baseOf(share: number): number {
  let whole = 100;
  while (whole < 1_000_000 && whole * share < 1) whole *= 10;
  return share === 0 ? 1000 : whole;
}

function odds(logE: number): string {
  if (logE > 27) return `over 10^${Math.floor(logE / Math.LN10)} to 1`;
  return `${Math.max(1, Math.round(Math.exp(logE))).toLocaleString("en-US")} to 1`;
}
