import type { Playbook, Signal } from "../../core/playbook.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import type { Finding, Verdict } from "../../core/verdict.ts";
import { type Arrivals, releaseIdOf } from "./arrivals.ts";
import { createLedger, type SignalCost } from "./counted.ts";
import { createFreezing } from "./frozen.ts";
import { type Alone, aloneEvaluators, type ReplaySetup, wholeEvaluator } from "./replay-evaluator.ts";
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
  readonly kind: Alone["kind"];
  readonly claim: string;
  readonly fired?: { readonly at: Instant; readonly after: Milliseconds };
  /** What it rested on when it fired, or else at the end. */
  readonly finding: Finding;
}

/** Nobody was blind only because rows are far apart: so many of them may be missing. */
const MISSING_ROWS = 3;
/** A rollout's patience, in planned lengths, as the app sets it for a live one. */
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
  const whole = wholeEvaluator(setup);
  const claims = aloneEvaluators(setup).map((alone) => watchAlone(alone, trial.from));
  const ledger = createLedger(playbook.signals, arms, frozen);
  let harm: Replay["harm"];
  let safeAt: Instant | undefined;
  let promotedAt: Instant | undefined;
  const planned = trial.from + playbook.how.each * playbook.how.steps.length;
  let verdict = whole.judge(trial.from);
  let to = trial.from;
  for (const { at, samples } of momentsOf(arrivals, trial, waitOf(playbook.signals))) {
    to = at;
    const own = samples.filter(({ bucket }) => bucket >= trial.from);
    ledger.take(own);
    for (const claim of claims) claim.take(samples, at);
    if (harm) continue;
    whole.observe(samples);
    verdict = whole.judge(at);
    if (verdict.kind === "healthy") {
      safeAt ??= at;
      if (at >= planned) promotedAt ??= at;
    }
    if (verdict.kind === "harmful")
      harm = { at, after: at - trial.from, because: verdict.because, costs: ledger.costs() };
  }
  return {
    candidate: trial.candidate.label,
    stable: trial.stable.label,
    reference: concurrent ? "concurrent stable" : "frozen window",
    from: trial.from,
    to,
    frozen,
    outcome: harm ? "rolled back" : promotedAt === undefined ? "undecided" : "promoted",
    verdict,
    ...(harm ? { harm } : {}),
    ...(safeAt === undefined ? {} : { safeAt }),
    ...(promotedAt === undefined ? {} : { promotedAt }),
    claims: claims.map((claim) => claim.end(to)),
    costs: ledger.costs(),
  };
}

/** Stable's counts of the seconds before the candidate was first seen; a part of the concurrent stable is never taken. */
function frozenOf(arrivals: Arrivals, { stable, from }: Trial): readonly FrozenWindow[] {
  const freezing = createFreezing(releaseIdOf(stable.label));
  for (const { samples } of arrivals.ticks(new Set([stable.label])))
    freezing.take(samples.filter(({ bucket }) => bucket < from));
  return freezing.windows();
}

/** How long after its request an outcome is waited for: what is recorded last is judged when it is that old. */
function waitOf(signals: readonly Signal[]): Milliseconds {
  return Math.max(0, ...signals.map(({ labels, per }) => labels ?? (per === undefined ? 0 : UNIT_WAIT)));
}

/** The longest that a signal counted per unit is waited for. */
const UNIT_WAIT: Milliseconds = 60_000;

interface Moment {
  readonly at: Instant;
  readonly samples: readonly Sample[];
}

/** Each arrival, and where signals wait for their outcomes, the moment at which what arrived has waited long enough. */
function* momentsOf(arrivals: Arrivals, trial: Trial, wait: Milliseconds): Iterable<Moment> {
  const { candidate, stable, from, until } = trial;
  const last = Math.min(until, candidate.last + 1000);
  const due: Instant[] = [];
  let next = 0;
  for (const tick of arrivals.ticks(new Set([candidate.label, stable.label]))) {
    const samples = tick.samples.filter(({ bucket }) => bucket >= from && bucket < last);
    if (samples.length === 0) continue;
    for (; next < due.length && due[next]! <= tick.at; next++)
      if (due[next]! < tick.at) yield { at: due[next]!, samples: [] };
    yield { at: tick.at, samples };
    if (wait > 0) due.push(tick.at + wait);
  }
  for (; next < due.length; next++) yield { at: due[next]!, samples: [] };
}

function watchAlone({ evaluator, ...alone }: Alone, from: Instant) {
  let fired: ClaimReplay["fired"];
  let verdict: Verdict | undefined;
  return {
    take(samples: readonly Sample[], at: Instant): void {
      if (fired) return;
      evaluator.observe(samples);
      verdict = evaluator.judge(at);
      if (verdict.kind === "harmful") fired = { at, after: at - from };
    },
    end(at: Instant): ClaimReplay {
      const [finding] = (verdict ?? evaluator.judge(at)).findings;
      if (!finding) throw new Error(`an evaluator of ${alone.name} alone has no finding`);
      return { ...alone, claim: finding.claim, ...(fired ? { fired } : {}), finding };
    },
  };
}
