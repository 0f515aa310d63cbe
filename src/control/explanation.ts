import { upperEdge } from "../core/cells.ts";
import { RollbookError } from "../core/errors.ts";
import type { Playbook, Signal } from "../core/playbook.ts";
import type { Store } from "../core/ports.ts";
import type { FrozenWindow, Rollout } from "../core/rollout.ts";
import { type Instant, seasonWords } from "../core/time.ts";
import type { Finding, Tally, Verdict } from "../core/verdict.ts";
import { type Interval, interval } from "../statistics/index.ts";
import { meanOf } from "../watch/hypothesis/mean.ts";
import { badOf } from "../watch/rule.ts";
import type { ChangeOfMind } from "./change-of-mind.ts";
import { createDecisionReplays } from "./decision-replays.ts";
import {
  budgetSentence,
  decisionSentence,
  findingSentence,
  mindSentence,
  recordSentence,
} from "./explanation-words.ts";
import type { Recomputed } from "./recompute.ts";
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
  /** The decision, computed once more from the parameters in the ledger and the counts: `same` is bit for bit. */
  readonly recomputed: Recomputed["answer"] | "undecided";
  /** What it would have taken to decide otherwise. */
  readonly changeOfMind?: ChangeOfMind;
  readonly sentences: readonly string[];
}

export interface ExplainedFinding {
  readonly name: string;
  readonly claim: string;
  readonly kind: Finding["kind"];
  readonly method: Finding["method"];
  readonly candidate: Counted;
  readonly reference: Counted & { readonly from: "concurrent stable" | "frozen window" | "another group" | "none" } & {
    /** Of a frozen window: the same hour of an earlier week, if it is not the time right before. */
    readonly season?: string;
  };
  readonly logHarm: number;
  readonly logSafe: number;
  readonly threshold?: number;
  /** Of a time at several quantiles: the one that speaks most for harm, which the counts are of. */
  readonly quantile?: number;
  readonly doubts?: readonly string[];
  /** What its promise rests on, where that is more than usual. */
  readonly assumes?: string;
  /** Segments of a claim about each of them: those that failed, else the loudest if it is louder than the whole. */
  readonly segments?: readonly ExplainedSegment[];
}

export interface ExplainedSegment {
  readonly candidate: Counted;
  readonly reference: Counted;
  readonly logHarm: number;
  readonly failed: boolean;
}

/** Bad observations of all, with an interval of their share that holds however often one looks (95 %). */
export interface Counted {
  readonly n: number;
  readonly bad: number;
  readonly interval: Interval;
  readonly mean?: number;
  readonly group?: string;
}

const CONFIDENCE = 0.95;

/** Explains the verdict that a rollout rests on now, or ended with. @throws NOT_FOUND */
export async function explainRollout(
  store: Store,
  playbook: Playbook,
  id: string,
  replays = createDecisionReplays(),
): Promise<Explanation> {
  const rollout = await store.rollout(id);
  if (!rollout) throw new RollbookError("NOT_FOUND", { what: `rollout ${id}` });
  const verdict = verdictOf(rollout);
  if (!verdict) throw new RollbookError("NOT_FOUND", { what: `verdict of rollout ${id} yet` });
  const findings = verdict.findings.map((finding) =>
    explainedFinding(playbook, finding, frozenOf(playbook, rollout, finding), rollout.startedAt),
  );
  const decision = decisionSentence(rollout);
  const again = await replays(store, id);
  const mind = rollout.rollback && rollout.rollback.cause[0] !== "harm" ? undefined : again?.changeOfMind;
  return {
    rollout: id,
    decision,
    verdict: verdict.kind,
    logEvidence: verdict.logEvidence,
    logThreshold: verdict.logThreshold,
    findings,
    recomputed: again?.answer ?? "undecided",
    ...(mind ? { changeOfMind: mind } : {}),
    sentences: [
      decision,
      budgetSentence(playbook, verdict),
      ...findings.map(findingSentence),
      ...(mind ? [mindSentence(mind)] : []),
      ...(again ? [recordSentence(again)] : []),
    ],
  };
}

function verdictOf({ wouldHave, verdict }: Rollout): Verdict | undefined {
  return wouldHave?.verdict ?? verdict;
}

/** A release that came unannounced is compared with a frozen window, where its trigger compares at all. */
function frozenOf(playbook: Playbook, rollout: Rollout, { name, signal }: Finding): FrozenWindow | undefined {
  const trigger = playbook.triggers.find((one) => one.name === name);
  const compares = trigger?.kind === "compare" || trigger?.kind === "slows";
  return rollout.unannounced && compares ? rollout.frozen.find((window) => window.signal === signal) : undefined;
}

/** Of a time: how many took longer than what is slow. */
function tallyOf({ n, k, cells = [] }: FrozenWindow, signal: Signal, { threshold }: Finding): Tally {
  const slow = cells.reduce((sum, [cell, count]) => sum + (upperEdge(cell) > threshold! ? count : 0), 0);
  const shown = signal.kind === "mean" ? meanOf(signal, { n, cells }) : {};
  return { release: "frozen-window", n, k: threshold === undefined ? k : slow, ...shown };
}

/** @param frozen what it is compared with, where that is no arm; `at`: when the window was frozen */
export function explainedFinding(
  playbook: Pick<Playbook, "signals">,
  finding: Finding,
  frozen?: FrozenWindow,
  at: Instant = 0,
): ExplainedFinding {
  const { candidate, reference: _, signal, logHarm, logSafe, ...rest } = finding;
  const reference = frozen ? tallyOf(frozen, signalOf(playbook, signal), finding) : finding.reference;
  const known = playbook.signals.some(({ name }) => name === signal);
  // What is slow is bad, whatever the signal calls better; so is a run's length.
  const named = finding.method === "exceedance" || finding.method === "run-length";
  const badIs = !named && known && signalOf(playbook, signal).better === "up" ? "rest" : "part";
  const counted = ({ n, k, mean, group }: Tally): Counted => {
    const bad = badOf({ badIs }, { n, k });
    // A count can be larger than what it is counted per; it has no share.
    const share = bad <= n && bad >= 0 ? interval(n, bad, CONFIDENCE) : { low: 0, high: 1, share: 1 };
    return {
      n,
      bad,
      interval: share,
      ...(mean === undefined ? {} : { mean }),
      ...(group === undefined ? {} : { group }),
    };
  };
  return {
    name: rest.name,
    claim: rest.claim,
    kind: rest.kind,
    method: rest.method,
    candidate: counted(candidate),
    reference: {
      ...counted(reference),
      from: sourceOf(reference),
      ...(frozen?.season === undefined ? {} : { season: seasonWords(frozen.season, at) }),
    },
    logHarm,
    logSafe,
    ...(rest.threshold === undefined ? {} : { threshold: rest.threshold }),
    ...(rest.quantile === undefined ? {} : { quantile: rest.quantile }),
    ...(rest.doubts ? { doubts: rest.doubts } : {}),
    ...(rest.assumes === undefined ? {} : { assumes: rest.assumes }),
    ...(rest.segments
      ? {
          segments: rest.segments.map(({ candidate: of, reference: beside, logHarm, failed }) => {
            return { candidate: counted(of), reference: counted(beside), logHarm, failed };
          }),
        }
      : {}),
  };
}

function sourceOf({ n, release, group }: Tally): ExplainedFinding["reference"]["from"] {
  if (n === 0) return "none";
  if (group !== undefined) return "another group";
  return release === "frozen-window" ? "frozen window" : "concurrent stable";
}
