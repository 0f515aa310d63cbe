import type { Digest } from "../core/digest.ts";
import { type PhaseClock, phaseClocks } from "../core/phase-clock.ts";
import { componentSteps } from "../core/plan.ts";
import type { Release } from "../core/release.ts";
import type { PromotedOn, Rollout, RolloutRecord, Tried } from "../core/rollout.ts";
import { type Instant, type Milliseconds, seasonWords } from "../core/time.ts";
import { type Article, articleOf } from "./article.ts";
import { type BusinessSignal, meaningOf, sumOf } from "./business-signal.ts";
import { type Evidence, evidenceOf } from "./evidence.ts";
import { outcomeOf, type ReportOutcome } from "./outcome.ts";
import { type Moment, timelineOf } from "./timeline.ts";

/** The evidence of one rollout, as data; `renderReport` makes the text that people read. */
export interface Report {
  readonly version: 1;
  readonly system: string;
  readonly rollout: string;
  readonly outcome: ReportOutcome;
  /** Nobody announced the release: somebody changed a component without Rollbook. */
  readonly unannounced: boolean;
  /** What an unannounced one was judged against: of each signal, which window, and how much it saw. */
  readonly windows?: readonly WindowUsed[];
  readonly note?: string;
  /** It was promoted by a person while its evidence did not say that it is healthy. */
  readonly promotedOn?: PromotedOn;
  /** Of a restore that is stuck: what people can order. */
  readonly toDo?: string;
  readonly because: readonly string[];
  readonly playbook: Digest;
  readonly stable: { readonly id: Digest; readonly label: string };
  readonly candidate: { readonly id: Digest; readonly label: string; readonly quarantined: boolean };
  readonly clocks: Clocks;
  /** Where it went back: what became of the candidate's traffic at once. */
  readonly containment?: Containment;
  /** The phases of the rollback with their deadlines; empty where there was none. */
  readonly phases: readonly PhaseClock[];
  /** What was restored first and was proved harmful too, and where the rollback led in the end. */
  readonly movedOn?: { readonly tried: readonly Tried[]; readonly to?: Digest };
  readonly badAnswers: BadAnswers;
  readonly evidence: readonly Evidence[];
  readonly fixed: readonly Evidence[];
  readonly components: readonly ComponentEnd[];
  readonly route: { readonly candidatePercent: number; readonly lastCandidateDispatch?: Instant };
  readonly planDigest?: Digest;
  readonly article: Article;
  readonly timeline: readonly Moment[];
  readonly ledger: LedgerState;
}

/**
 * `moved`: to stable. `nothing-exposed`: no request could reach the candidate yet. `nothing-else-served`: it had come
 * into the only place there is, and answered until that was restored. Only the first has a clock.
 */
export type Containment = "moved" | "nothing-exposed" | "nothing-else-served";

export interface WindowUsed {
  readonly signal: string;
  readonly n: number;
  /** "the time right before", or the same hour of an earlier week. */
  readonly of: string;
}

/** All in milliseconds. Detect counts from the first exposure, the others from the decision. */
export interface Clocks {
  readonly detect?: Milliseconds;
  /** To the last request that was dispatched to the candidate, or to the route that stops them, whichever is later. */
  readonly contain?: Milliseconds;
  readonly restore?: Milliseconds;
  readonly fix?: Milliseconds;
  readonly total?: Milliseconds;
}

export interface BadAnswers {
  readonly signal: string;
  readonly meaning: string;
  readonly served: number;
  readonly of: number;
  /** Bad answers beyond what stable's own share would have given; missing where nothing is known of stable's. */
  readonly excess?: number;
}

export interface ComponentEnd {
  readonly component: string;
  readonly wanted: Digest;
  readonly label: string;
  readonly found?: Digest;
  readonly status: string;
  readonly attempts: number;
  readonly recovered: boolean;
  readonly note?: string;
}

export interface LedgerState {
  readonly size: number;
  readonly root: string;
  readonly verified: boolean;
  readonly checkpoint: string;
}

export interface ReportInput {
  readonly record: RolloutRecord;
  readonly stable: Release;
  readonly candidate: Release;
  readonly quarantined: boolean;
  readonly signals: readonly BusinessSignal[];
  readonly route: Report["route"];
  readonly ledger: LedgerState;
}

/** Builds the report of a rollout from its record alone; the same record gives the same report. */
export function buildReport(input: ReportInput): Report {
  const { record, stable, candidate } = input;
  const { rollout } = record;
  const lead = leadSignal(input);
  const saga = rollout.rollback && record.sagas.find(({ id }) => id === rollout.rollback?.saga);
  return {
    version: 1,
    system: rollout.system,
    rollout: rollout.id,
    outcome: outcomeOf(rollout),
    unannounced: rollout.unannounced ?? false,
    ...(rollout.unannounced ? { windows: windowsOf(rollout) } : {}),
    ...(rollout.note === undefined ? {} : { note: rollout.note }),
    ...(rollout.promotedOn ? { promotedOn: rollout.promotedOn } : {}),
    ...toDoOf(rollout),
    because: rollout.rollback?.cause.slice(1) ?? rollout.wouldHave?.because ?? [],
    playbook: rollout.playbook,
    stable: { id: stable.id, label: stable.label },
    candidate: { id: candidate.id, label: candidate.label, quarantined: input.quarantined },
    clocks: clocksOf(record, input.route.lastCandidateDispatch),
    ...containmentOf(rollout),
    phases: rollout.rollback ? phaseClocks(rollout.rollback, rollout.endedAt ?? lastMoment(rollout)) : [],
    ...movedOnOf(rollout),
    badAnswers: badAnswersOf(input, lead),
    evidence: (rollout.verdict?.findings ?? []).map(evidenceOf),
    fixed: (rollout.rollback?.fixed?.findings ?? []).map(evidenceOf),
    components: saga ? componentsOf(record, saga.id) : [],
    route: input.route,
    ...(saga ? { planDigest: saga.planDigest } : {}),
    article: articleOf(
      record,
      lead,
      input.signals.find((signal) => signal.technical),
    ),
    timeline: timelineOf(record),
    ledger: input.ledger,
  };
}

function toDoOf(rollout: Rollout): Pick<Report, "toDo"> {
  if (outcomeOf(rollout) !== "stuck") return {};
  const { id } = rollout;
  return {
    toDo: `mend what is stuck, then \`rollbook resume ${id}\` tries it again; \`rollbook redeploy ${id}\` puts the components of the bad release back instead`,
  };
}

function windowsOf({ frozen, startedAt }: Rollout): readonly WindowUsed[] {
  return frozen.map(({ signal, n, season }) => {
    return { signal, n, of: season === undefined ? "the time right before" : seasonWords(season, startedAt) };
  });
}

function leadSignal(input: ReportInput): BusinessSignal {
  const blamed = input.record.rollout.verdict?.findings.find((finding) => finding.kind === "harmful");
  const lead =
    input.signals.find((signal) => signal.name === blamed?.signal) ??
    input.signals.find((signal) => !signal.technical) ??
    input.signals[0];
  if (!lead) throw new Error("a playbook without signals was accepted");
  return lead;
}

function clocksOf({ rollout }: RolloutRecord, lastDispatch: Instant = 0): Clocks {
  const { exposedAt, rollback } = rollout;
  if (!rollback) return exposedAt !== undefined && rollout.endedAt ? { total: rollout.endedAt - exposedAt } : {};
  const { decidedAt, containedAt, restoredAt, fixedAt } = rollback;
  return {
    ...(exposedAt === undefined ? {} : { detect: decidedAt - exposedAt }),
    ...(containedAt === undefined || exposedAt === undefined
      ? {}
      : { contain: Math.max(containedAt, lastDispatch) - decidedAt }),
    ...(restoredAt === undefined ? {} : { restore: restoredAt - decidedAt }),
    ...(fixedAt === undefined ? {} : { fix: fixedAt - decidedAt }),
    ...(fixedAt === undefined || exposedAt === undefined ? {} : { total: fixedAt - exposedAt }),
  };
}

/** The same record gives the same report: the newest moment that it knows stands for now. */
function lastMoment({ rollback, stepSince }: Rollout): Instant {
  return rollback?.restoredAt ?? rollback?.containedAt ?? rollback?.decidedAt ?? stepSince;
}

function movedOnOf({ rollback }: Rollout): Pick<Report, "movedOn"> {
  if (!rollback?.tried) return {};
  return { movedOn: { tried: rollback.tried, ...(rollback.target === undefined ? {} : { to: rollback.target }) } };
}

function containmentOf({ rollback, exposedAt }: Rollout): { readonly containment?: Containment } {
  if (!rollback) return {};
  if (exposedAt === undefined) return { containment: "nothing-exposed" };
  return { containment: rollback.containedAt === undefined ? "nothing-else-served" : "moved" };
}

function badAnswersOf(input: ReportInput, signal: BusinessSignal): BadAnswers {
  const { rollout, samples } = input.record;
  const from = Math.floor((rollout.exposedAt ?? rollout.startedAt) / 1000) * 1000;
  const candidate = sumOf(samples, signal, rollout.candidate, from);
  const stable = sumOf(samples, signal, rollout.stable, 0);
  const excess = candidate.bad - (candidate.n * stable.bad) / stable.n;
  return {
    signal: signal.name,
    meaning: meaningOf(signal),
    served: candidate.bad,
    of: candidate.n,
    ...(stable.n === 0 ? {} : { excess: Math.max(0, Math.round(excess)) }),
  };
}

function componentsOf(record: RolloutRecord, saga: string): readonly ComponentEnd[] {
  const plan = record.sagas.find(({ id }) => id === saga)!.plan;
  return componentSteps(plan).map((step) => {
    const known = record.steps.find((candidate) => candidate.saga === saga && candidate.step === step.id);
    return {
      component: step.component,
      wanted: step.desired,
      label: step.label,
      status: known?.status ?? "not tried",
      attempts: known?.attempts ?? 0,
      recovered: known?.recovered ?? false,
      ...(known?.found ? { found: known.found } : {}),
      ...(known?.note ? { note: known.note } : {}),
    };
  });
}
