import { maturityOf, type Playbook } from "../../core/playbook.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import type { Finding, Verdict } from "../../core/verdict.ts";
import { createFreezing } from "../frozen-windows.ts";
import { type Arrivals, releaseIdOf } from "./arrivals.ts";
import { createLedger, type Ledger, type SignalCost } from "./counted.ts";
import { aloneEvaluators, firesAlone, isHardLimit, type ReplaySetup, wholeEvaluator } from "./replay-evaluator.ts";
import type { Trial } from "./trials.ts";

/** What Rollbook would have done with one recorded release, and when. */
export interface Replay {
  readonly candidate: string;
  readonly stable: string;
  readonly reference: "concurrent stable" | "frozen window";
  readonly from: Instant;
  /** The last moment that was judged. */
  readonly to: Instant;
  readonly frozen: readonly FrozenWindow[];
  readonly outcome: "rolled back" | "promoted" | "undecided";
  /** The verdict of harm, or else the last one. */
  readonly verdict: Verdict;
  readonly harm?: {
    readonly at: Instant;
    readonly after: Milliseconds;
    readonly because: readonly string[];
    readonly costs: readonly SignalCost[];
  };
  /** When every trigger was proved safe for the first time. */
  readonly safeAt?: Instant;
  /** When it was proved safe and the steps of the playbook were over: judging goes on after it. */
  readonly promotedAt?: Instant;
  /** Each trigger and hard limit by itself, whatever the others did. */
  readonly claims: readonly ClaimReplay[];
  /** The costs by the end of the recording: with going back, only those of `harm`. */
  readonly costs: readonly SignalCost[];
}

/** When one trigger, or one hard limit, would have fired by itself. */
export interface ClaimReplay {
  readonly name: string;
  readonly signal: string;
  readonly kind: "trigger" | "hard-limit";
  readonly claim: string;
  readonly fired?: { readonly at: Instant; readonly after: Milliseconds };
  /** What it rested on when it fired, or else at the end. */
  readonly finding: Finding;
}

/** Nobody is blind only because rows are far apart: so many of them may be missing. */
const MISSING_ROWS = 3;

/** How a live rollout would be paced: over which time late faults are expected, and when it is blind. */
export interface Cadence {
  readonly horizon: Milliseconds;
  readonly blindMs: Milliseconds;
}

/** Replays one release through the evaluator of live rollouts; time comes from the recording alone. */
export function replay(playbook: Playbook, arrivals: Arrivals, trial: Trial, cadence: Cadence): Replay {
  const arms = { candidate: releaseIdOf(trial.candidate.label), stable: releaseIdOf(trial.stable.label) };
  const frozen = frozenOf(arrivals, trial);
  const concurrent = trial.stable.last >= trial.from;
  const setup: ReplaySetup = {
    playbook,
    candidate: arms.candidate,
    ...(concurrent ? { stable: arms.stable } : {}),
    from: trial.from,
    frozen,
    horizon: cadence.horizon,
    blindMs: Math.max(cadence.blindMs, MISSING_ROWS * arrivals.grain),
  };
  const moments = () => momentsOf(arrivals, trial, Math.max(0, ...playbook.signals.map(maturityOf)));
  const ledger = createLedger(playbook.signals, arms, frozen);
  const judged = judge(setup, trial.exposedAt, moments(), ledger);
  const { harm, safeAt, verdict } = judged;
  const planned = trial.exposedAt + playbook.how.each * playbook.how.steps.length;
  const promotedAt = safeAt.find((at) => at >= planned);
  return {
    candidate: trial.candidate.label,
    stable: trial.stable.label,
    reference: concurrent ? "concurrent stable" : "frozen window",
    from: trial.exposedAt,
    to: judged.to,
    frozen,
    outcome: harm ? "rolled back" : promotedAt === undefined ? "undecided" : "promoted",
    verdict,
    ...(harm ? { harm } : {}),
    ...(safeAt[0] === undefined ? {} : { safeAt: safeAt[0] }),
    ...(promotedAt === undefined ? {} : { promotedAt }),
    claims: claimsOf(setup, judged, moments, trial.exposedAt),
    costs: ledger.costs(),
  };
}

/** Stable's counts of the seconds before the candidate was first seen; a part of the concurrent stable is never taken. */
function frozenOf(arrivals: Arrivals, { stable, from }: Trial): readonly FrozenWindow[] {
  const freezing = createFreezing(releaseIdOf(stable.label));
  const span = { from: Number.NEGATIVE_INFINITY, until: from };
  for (const { samples } of arrivals.ticks(new Set([stable.label]), span)) freezing.take(samples);
  return freezing.windows();
}

interface Moment {
  readonly at: Instant;
  readonly samples: readonly Sample[];
}

/** Each arrival, and where signals wait for their outcomes, the moment at which what arrived has waited long enough. */
function* momentsOf(arrivals: Arrivals, trial: Trial, wait: Milliseconds): Iterable<Moment> {
  const { candidate, stable, from, until } = trial;
  const span = { from, until: Math.min(until, candidate.last + 1000) };
  const due: Instant[] = [];
  let next = 0;
  for (const tick of arrivals.ticks(new Set([candidate.label, stable.label]), span)) {
    for (; next < due.length && due[next]! <= tick.at; next++)
      if (due[next]! < tick.at) yield { at: due[next]!, samples: [] };
    yield tick;
    if (wait > 0) due.push(tick.at + wait);
  }
  for (; next < due.length; next++) yield { at: due[next]!, samples: [] };
}

type Fired = Map<string, { readonly at: Instant; readonly finding: Finding }>;

interface Judged {
  readonly to: Instant;
  readonly verdict: Verdict;
  readonly harm?: Replay["harm"];
  /** The first moment at which all was proved safe, and the first such one after the planned steps. */
  readonly safeAt: readonly Instant[];
  readonly fired: Fired;
}

/** Judges all triggers together on every arrival, and sums up what was served, to the end. */
function judge(setup: ReplaySetup, exposedAt: Instant, moments: Iterable<Moment>, ledger: Ledger): Judged {
  const { from, playbook } = setup;
  const planned = exposedAt + playbook.how.each * playbook.how.steps.length;
  const whole = wholeEvaluator(setup);
  const fired: Fired = new Map();
  const safeAt: Instant[] = [];
  let harm: Replay["harm"];
  let verdict = whole.judge(from);
  let to = from;
  for (const { at, samples } of moments) {
    to = at;
    ledger.take(samples);
    if (harm) continue;
    whole.observe(samples);
    verdict = whole.judge(at);
    if (verdict.kind === "healthy" && (safeAt.length === 0 || (at >= planned && safeAt.at(-1)! < planned)))
      safeAt.push(at);
    for (const finding of verdict.findings)
      if (!fired.has(finding.name) && firesAlone(finding, verdict)) fired.set(finding.name, { at, finding });
    if (verdict.kind === "harmful")
      harm = { at, after: at - exposedAt, because: verdict.because, costs: ledger.costs() };
  }
  return { to, verdict, ...(harm ? { harm } : {}), safeAt, fired };
}

/** When each claim fires by itself. After the verdict of harm only a second look tells it, each with its own evaluator. */
function claimsOf(
  setup: ReplaySetup,
  { harm, verdict, fired, to }: Judged,
  moments: () => Iterable<Moment>,
  exposedAt: Instant,
): readonly ClaimReplay[] {
  const known: Fired = new Map(fired);
  const last = new Map(verdict.findings.map((finding) => [finding.name, finding]));
  if (harm) {
    const open = aloneEvaluators(setup).filter(({ name }) => !known.has(name));
    for (const { at, samples } of open.length > 0 ? moments() : [])
      for (const { name, evaluator } of open) {
        if (known.has(name)) continue;
        evaluator.observe(samples);
        const { kind, findings } = evaluator.judge(at);
        if (kind === "harmful") known.set(name, { at, finding: findings[0]! });
      }
    for (const { name, evaluator } of open) last.set(name, evaluator.judge(to).findings[0]!);
  }
  return [...last.values()].map((end): ClaimReplay => {
    const fire = known.get(end.name);
    return {
      name: end.name,
      signal: end.signal,
      kind: isHardLimit(end) ? "hard-limit" : "trigger",
      claim: end.claim,
      ...(fire ? { fired: { at: fire.at, after: fire.at - exposedAt } } : {}),
      finding: fire?.finding ?? end,
    };
  });
}
