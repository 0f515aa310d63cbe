import type { HardLimit, Signal } from "../core/playbook.ts";
import type { ReleaseId } from "../core/release.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { Finding, Verdict } from "../core/verdict.ts";
import { combinationOf, NumberShelf } from "../statistics/index.ts";
import { type HardLimitWatch, watchHardLimit } from "./hard-limit.ts";
import { createInstruments, type Instruments } from "./instruments/instruments.ts";
import type { PlannedShares } from "./lateness.ts";
import { createReception } from "./reception.ts";
import type { Rule } from "./rule.ts";
import { type RuleWatch, watchRule } from "./rule-watch.ts";
import { watchRunLength } from "./run-length.ts";
import { createFirstSight } from "./sight.ts";

/** Everything that is fixed before the first outcome of the candidate is seen; it is hashed into the ledger. */
export interface EvaluatorSetup {
  readonly rules: readonly Rule[];
  readonly hardLimits: readonly { readonly limit: HardLimit; readonly signal: Signal }[];
  /** Lifetime probability of a false rollback, shared by all rules. */
  readonly alpha: number;
  /** Probability of calling a candidate safe that does the harm which a rule names. */
  readonly beta: number;
  readonly candidate: ReleaseId;
  readonly reference: ReleaseId;
  /** Outcomes of requests from before this moment are not evidence. */
  readonly from: Instant;
  /** The horizon over which late faults are expected; half of the error budget is spread over it. */
  readonly horizon: Milliseconds;
  /** How long it is watched beside a holdback afterwards: a tenth of the budget is spread over that. None unless said. */
  readonly holdback?: Milliseconds;
  /** What is served so soon after the exposure is no evidence; hard limits see it. */
  readonly warmUp?: Milliseconds;
  /** From when on the candidate had all requests, where that is known already; else `Evaluator.alone` says it. */
  readonly alone?: Instant;
  readonly frozen: readonly FrozenWindow[];
  /** The shares of requests that the candidate is planned to get; a half unless said. */
  readonly planned?: PlannedShares;
  /** Requests went to the candidate, yet none of a rule's outcomes for this long: blind. */
  readonly blindMs: Milliseconds;
}

export interface Evaluator {
  /** Takes samples, those of one node in the order of their sequence; what was taken before changes nothing. */
  observe(samples: readonly Sample[]): void;
  /** From this moment on the candidate is planned to get this share of requests; 0 while nobody can see it. */
  exposed(at: Instant, share: number): void;
  /**
   * The candidate gets all requests from this moment on, so that nobody waits for what is reported of the reference. It changes
   * what is evidence: whoever replays a decision says it with the set-up.
   */
  alone(since: Instant): void;
  /** Judges everything observed so far; call it on every arrival of data. */
  judge(now: Instant): Verdict;
}

/**
 * The evaluator of `when`: one e-process for harm and one for safety per rule, combined under one false-alarm budget,
 * beside the hard limits. Deterministic: the same samples give the same evidence bit for bit, tick by tick or all at once,
 * in whatever order samples of one batch or batches of different nodes come.
 */
export function createEvaluator(setup: EvaluatorSetup): Evaluator {
  const first = createFirstSight(setup);
  const shelf = new NumberShelf();
  const rules: readonly RuleWatch[] = setup.rules.map((rule) => watchRule(rule, setup, first, shelf));
  const limits = setup.hardLimits.map((hard) => watchLimit(hard, setup));
  const logThreshold = -Math.log(setup.alpha);
  const together = togetherOf(setup.rules);
  const reception = createReception();
  const instruments = createInstruments({
    signals: uniqueSignals(setup.rules),
    candidate: setup.candidate,
    reference: setup.reference,
    shelf,
  });
  const routes = routesOf(setup, instruments, rules, limits);
  const limitsAge = setup.hardLimits.some(({ limit }) => limit.over !== undefined);
  const alone = (since: Instant) => {
    for (const rule of rules) rule.alone?.(since);
  };
  if (setup.alone !== undefined) alone(setup.alone);
  let decided: Verdict | undefined;
  /** The newest verdict, and until when it stands if nothing more comes in. */
  let newest: Verdict | undefined;
  let until: Instant = 0;

  function take(batch: readonly Sample[]): void {
    first.see(batch);
    const sorted = isSorted(batch, routes);
    let place = 0;
    for (const { signal, watches } of routes) {
      const start = place;
      if (sorted) while (batch[place]?.signal === signal) place += 1;
      const own = sorted ? batch.slice(start, place) : ofSignal(batch, signal);
      if (own.length === 0) continue;
      for (const watch of watches) watch.observe(own);
    }
  }

  return {
    observe(samples) {
      for (const batch of reception.admit(samples)) {
        take(batch);
        newest = undefined;
      }
    },
    exposed: (at, share) => instruments.exposed(at, share),
    alone(since) {
      newest = undefined;
      alone(since);
    },
    judge(now) {
      if (decided) return { ...decided, at: now };
      if (newest && now >= newest.at && now < until) return { ...newest, at: now };
      const findings = rules.map((watch) => doubted(watch.judge(now), instruments));
      const breaches = limits.map((watch) => watch.judge(now));
      const logEvidence = together(findings);
      const blamed = logEvidence >= logThreshold ? blame(findings, logThreshold) : NOBODY;
      const broken = breaches.filter((finding) => finding.kind === "harmful");
      const because = [...broken, ...blamed].map((finding) => finding.name);
      const judged =
        blamed.length === 0
          ? findings
          : findings.map((f) => (blamed.includes(f) ? { ...f, kind: "harmful" as const } : f));
      const verdict: Verdict = {
        kind: because.length > 0 ? "harmful" : mildest(findings),
        at: now,
        because,
        logEvidence,
        logThreshold,
        findings: breaches.length === 0 ? judged : [...judged, ...breaches],
      };
      if (verdict.kind === "harmful") decided = verdict;
      newest = verdict;
      until = limitsAge ? now : rules.reduce((soonest, watch) => Math.min(soonest, watch.standsUntil(now)), FOR_EVER);
      return verdict;
    },
  };
}

/**
 * ln of the weighted mean of the rules' e-values, each with an equal part of the budget. A calibrated rule has no e-value:
 * it stands for itself at its own part, and what passes is the greatest (union bound).
 */
function togetherOf(rules: readonly Rule[]): (findings: readonly Finding[]) => number {
  const calibrated = rules.map((rule) => rule.test === "share" && rule.calibrated !== undefined);
  const logs = (findings: readonly Finding[], alone: boolean) =>
    findings.filter((_, index) => calibrated[index] === alone).map(({ logHarm }) => logHarm);
  const weights = rules.filter((_, index) => !calibrated[index]).map((_, __, plain) => 1 / plain.length);
  const combined = weights.length === 0 ? () => 0 : combinationOf(weights);
  if (!calibrated.includes(true)) return (findings) => combined(findings.map(({ logHarm }) => logHarm));
  const logPart = Math.log(weights.length / rules.length);
  return (findings) => {
    const together = weights.length === 0 ? [] : [combined(logs(findings, false)) + logPart];
    return Math.max(...together, ...logs(findings, true).map((log) => log - Math.log(rules.length)));
  };
}

function watchLimit({ limit, signal }: EvaluatorSetup["hardLimits"][number], setup: EvaluatorSetup): HardLimitWatch {
  const { inARow } = limit;
  if (inARow === undefined) return watchHardLimit(limit, signal, setup.candidate, setup.from);
  return watchRunLength({ ...limit, inARow }, signal, setup.candidate, setup.from);
}

const FOR_EVER = Number.POSITIVE_INFINITY;
const NOBODY: readonly Finding[] = Object.freeze([]);

/** Whoever looks at the samples of one signal. */
interface Route {
  readonly signal: string;
  readonly watches: { observe(own: readonly Sample[]): void }[];
}

function routesOf(
  { rules, hardLimits }: EvaluatorSetup,
  instruments: Instruments,
  ofRules: readonly RuleWatch[],
  ofLimits: readonly HardLimitWatch[],
): readonly Route[] {
  const routes = new Map<string, Route>();
  const add = (signal: string, watch: Route["watches"][number]) => {
    const route = routes.get(signal) ?? { signal, watches: [instruments.of(signal)] };
    routes.set(signal, route);
    route.watches.push(watch);
  };
  for (const [index, watch] of ofRules.entries()) add(rules[index]!.signal.name, watch);
  for (const [index, watch] of ofLimits.entries()) add(hardLimits[index]!.signal.name, watch);
  return [...routes.values()];
}

/** Do the rows stand in the order of the routes? Most often they do: then nothing is looked for. */
function isSorted(batch: readonly Sample[], routes: readonly Route[]): boolean {
  let place = 0;
  for (const { signal } of routes) while (batch[place]?.signal === signal) place += 1;
  return place === batch.length;
}

/** A list no longer than it must be: one is made for every signal and batch. */
function ofSignal(batch: readonly Sample[], signal: string): readonly Sample[] {
  let count = 0;
  for (const sample of batch) if (sample.signal === signal) count += 1;
  if (count === batch.length) return batch;
  const own = new Array<Sample>(count);
  let place = 0;
  for (const sample of batch) if (sample.signal === signal) own[place++] = sample;
  return own;
}

/** After the combined evidence is over its threshold: the rules that carry it by themselves, or else the strongest. */
function blame(findings: readonly Finding[], logThreshold: number): readonly Finding[] {
  const alone = findings.filter((finding) => finding.logHarm >= logThreshold + Math.log(findings.length));
  if (alone.length > 0) return alone;
  return [findings.reduce((worst, finding) => (finding.logHarm > worst.logHarm ? finding : worst))];
}

/** What can be doubted goes no further; what is harmful goes back all the same. */
function doubted(finding: Finding, instruments: Instruments): Finding {
  const found = instruments.doubts(finding.signal);
  if (found.length === 0 && !finding.doubts) return finding;
  return {
    ...finding,
    doubts: [...(finding.doubts ?? []), ...found],
    kind: finding.kind === "no-data" ? "no-data" : "instrument-error",
  };
}

function uniqueSignals(rules: readonly Rule[]): readonly Signal[] {
  return [...new Map(rules.map(({ signal }) => [signal.name, signal])).values()];
}

/** Doubt about one rule is doubt about all: healthy is only what every rule, and at least one, calls healthy. */
function mildest(findings: readonly Finding[]): Verdict["kind"] {
  if (findings.length === 0) return "inconclusive";
  for (const kind of ["instrument-error", "no-data", "inconclusive"] as const)
    if (findings.some((finding) => finding.kind === kind)) return kind;
  return "healthy";
}
