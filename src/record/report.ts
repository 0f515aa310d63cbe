import type { Digest } from "../core/digest.ts";
import type { Release } from "../core/release.ts";
import type { RolloutRecord } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { Finding } from "../core/verdict.ts";
import { replayFixedRule } from "./fixed-rule.ts";

/** How a rollout ended, as reports and exit codes name it. */
export type ReportOutcome =
  | "promoted"
  | "rolled-back-verified"
  | "rolled-back-unverified"
  | "undecided"
  | "stuck"
  | "observed-harm"
  | "running";

/** The evidence of one rollout, as data; `renderReport` makes the text that people read. */
export interface Report {
  readonly version: 1;
  readonly system: string;
  readonly rollout: string;
  readonly outcome: ReportOutcome;
  readonly because: readonly string[];
  readonly playbook: Digest;
  readonly stable: { readonly id: Digest; readonly label: string };
  readonly candidate: { readonly id: Digest; readonly label: string; readonly quarantined: boolean };
  readonly clocks: Clocks;
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

/** All in milliseconds. Detect counts from the first exposure, the others from the decision. */
export interface Clocks {
  readonly detect?: Milliseconds;
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
  /** What stable would have done worse than nothing: bad answers beyond stable's own share. */
  readonly excess: number;
}

export interface Evidence {
  readonly name: string;
  readonly claim: string;
  readonly kind: Finding["kind"];
  readonly method: Finding["method"];
  readonly candidate: { readonly n: number; readonly k: number; readonly per100?: number };
  readonly reference: { readonly n: number; readonly k: number; readonly per100?: number };
  readonly logHarm: number;
  readonly logSafe: number;
  /** "21 of 100, against 8 of 100", and what the odds say. */
  readonly words: string;
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

/** How the article's fixed rule and its five-minute bar would have done on the same stream. */
export interface Article {
  readonly rule: string;
  readonly onErrors: string;
  readonly onBusiness: string;
  readonly onStable: string;
  readonly fiveMinutes: string;
}

export interface Moment {
  readonly at: Instant;
  readonly sinceExposure: Milliseconds;
  readonly what: string;
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

/** A signal as the report needs it; the first one that is to blame leads the report. */
export interface BusinessSignal {
  readonly name: string;
  readonly part: string;
  readonly of: string;
  readonly badIs: "part" | "rest";
  readonly technical: boolean;
}

const ARTICLE_LIMIT = 0.008;
const ARTICLE_WINDOW = 30_000;
const FIVE_MINUTES = 300_000;

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
    outcome: outcomeOf(record),
    because: rollout.rollback?.cause.slice(1) ?? [],
    playbook: rollout.playbook,
    stable: { id: stable.id, label: stable.label },
    candidate: { id: candidate.id, label: candidate.label, quarantined: input.quarantined },
    clocks: clocksOf(record),
    badAnswers: badAnswersOf(input, lead),
    evidence: (rollout.verdict?.findings ?? []).map(evidenceOf),
    fixed: (rollout.rollback?.fixed?.findings ?? []).map(evidenceOf),
    components: saga ? componentsOf(record, saga.id) : [],
    route: input.route,
    ...(saga ? { planDigest: saga.planDigest } : {}),
    article: articleOf(input, lead),
    timeline: timelineOf(record),
    ledger: input.ledger,
  };
}

export function outcomeOf({ rollout }: Pick<RolloutRecord, "rollout">): ReportOutcome {
  if (rollout.endedAt === undefined) return "running";
  if (rollout.phase === "healthy") return "promoted";
  if (rollout.rollback?.outcome === "stuck") return "stuck";
  if (rollout.rollback?.cause[0] === "undecided") return "undecided";
  if (rollout.rollback) return `rolled-back-${rollout.rollback.outcome === "verified" ? "verified" : "unverified"}`;
  return rollout.note?.startsWith("would have") ? "observed-harm" : "undecided";
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

function clocksOf({ rollout }: RolloutRecord): Clocks {
  const { exposedAt, rollback } = rollout;
  if (!rollback) return exposedAt !== undefined && rollout.endedAt ? { total: rollout.endedAt - exposedAt } : {};
  const { decidedAt, containedAt, restoredAt, fixedAt } = rollback;
  return {
    ...(exposedAt === undefined ? {} : { detect: decidedAt - exposedAt }),
    ...(containedAt === undefined ? {} : { contain: containedAt - decidedAt }),
    ...(restoredAt === undefined ? {} : { restore: restoredAt - decidedAt }),
    ...(fixedAt === undefined ? {} : { fix: fixedAt - decidedAt }),
    ...(fixedAt === undefined || exposedAt === undefined ? {} : { total: fixedAt - exposedAt }),
  };
}

function badAnswersOf(input: ReportInput, signal: BusinessSignal): BadAnswers {
  const { rollout, samples } = input.record;
  const from = Math.floor((rollout.exposedAt ?? rollout.startedAt) / 1000) * 1000;
  const candidate = sumOf(samples, signal, rollout.candidate, from);
  const stable = sumOf(samples, signal, rollout.stable, 0);
  const share = stable.n === 0 ? 0 : stable.bad / stable.n;
  return {
    signal: signal.name,
    meaning: signal.badIs === "part" ? `${signal.part} of ${signal.of}` : `${signal.of} that are not ${signal.part}`,
    served: candidate.bad,
    of: candidate.n,
    excess: Math.max(0, Math.round(candidate.bad - candidate.n * share)),
  };
}

function sumOf(samples: readonly Sample[], signal: BusinessSignal, release: Digest, from: Instant) {
  const sum = { n: 0, bad: 0 };
  for (const sample of samples) {
    if (sample.signal !== signal.name || sample.release !== release || sample.bucket < from) continue;
    sum.n += sample.n;
    sum.bad += signal.badIs === "part" ? sample.k : sample.n - sample.k;
  }
  return sum;
}

function evidenceOf(finding: Finding): Evidence {
  const per100 = (tally: { n: number; k: number }) => (tally.n === 0 ? undefined : (100 * tally.k) / tally.n);
  const side = ({ n, k }: { n: number; k: number }) => {
    const share = per100({ n, k });
    return share === undefined ? { n, k } : { n, k, per100: Math.round(share * 10) / 10 };
  };
  const candidate = side(finding.candidate);
  const reference = side(finding.reference);
  const { name, claim, kind, method, logHarm, logSafe } = finding;
  return { name, claim, kind, method, candidate, reference, logHarm, logSafe, words: wordsOf(finding) };
}

/** Natural frequencies and odds, for a product owner. */
function wordsOf(finding: Finding): string {
  const of100 = ({ n, k }: { n: number; k: number }) =>
    n === 0 ? "none seen" : `${((100 * k) / n).toFixed(1)} in 100 (${k} of ${n})`;
  const compared =
    finding.reference.n > 0
      ? `${of100(finding.candidate)}, against ${of100(finding.reference)}`
      : of100(finding.candidate);
  if (finding.method === "hard-limit")
    return `${compared}; hard limit ${finding.kind === "harmful" ? "broken" : "kept"}`;
  if (finding.kind === "harmful") return `${compared}; odds ${oddsOf(finding.logHarm)} that "${finding.claim}"`;
  if (finding.kind === "healthy") return `${compared}; odds ${oddsOf(finding.logSafe)} against "${finding.claim}"`;
  return `${compared}; not decided`;
}

function oddsOf(logE: number): string {
  if (logE > 27) return `over 10^${Math.floor(logE / Math.LN10)} to 1`;
  return `${Math.max(1, Math.floor(Math.exp(logE))).toLocaleString("en-US")} to 1`;
}

function componentsOf(record: RolloutRecord, saga: string): readonly ComponentEnd[] {
  const plan = record.sagas.find(({ id }) => id === saga)!.plan;
  return plan.steps.map((step) => {
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

function articleOf(input: ReportInput, lead: BusinessSignal): Article {
  const { rollout, samples } = input.record;
  const from = rollout.exposedAt ?? rollout.startedAt;
  const to = rollout.rollback?.decidedAt ?? rollout.endedAt ?? from;
  const technical = input.signals.find((signal) => signal.technical);
  const replay = (signal: BusinessSignal, release: Digest, since: Instant, until: Instant) =>
    replayFixedRule(samples, signal.name, release, signal.badIs, since, until, ARTICLE_LIMIT, ARTICLE_WINDOW);
  const say = (signal: BusinessSignal | undefined, release: Digest, since: Instant, until: Instant): string => {
    if (!signal) return "the playbook has no such signal";
    const result = replay(signal, release, since, until);
    if (result.firedAt !== undefined)
      return `fires ${((result.firedAt - since) / 1000).toFixed(0)} s after the exposure`;
    if (result.windowFilled) return "never fires";
    return `has not filled its 30 s window in the ${((until - since) / 1000).toFixed(1)} s until Rollbook had decided`;
  };
  const end = rollout.endedAt ?? to;
  const fixed = rollout.rollback?.fixedAt;
  return {
    rule: "roll back when the share of bad answers is above 0.8 % over 30 s",
    onErrors: say(technical, rollout.candidate, from, to),
    onBusiness: say(lead, rollout.candidate, from, to),
    onStable: falseAlarm(replay(lead, rollout.stable, rollout.startedAt, end)),
    fiveMinutes:
      fixed === undefined
        ? "no rollback, or not proved fixed"
        : fixed - from <= FIVE_MINUTES
          ? `met: ${((fixed - from) / 1000).toFixed(1)} s from the first exposure to proved fixed`
          : "missed",
  };
}

function falseAlarm(replay: { readonly firedAt?: Instant; readonly windowFilled: boolean }): string {
  if (replay.firedAt !== undefined) return "fires on stable itself: a false alarm, for stable does no harm";
  return replay.windowFilled ? "stays silent on stable" : "has not filled its 30 s window on stable either";
}

function timelineOf({ rollout, steps }: RolloutRecord): readonly Moment[] {
  const zero = rollout.exposedAt ?? rollout.startedAt;
  const moments: Moment[] = [];
  const add = (at: Instant | undefined, what: string) => {
    if (at !== undefined) moments.push({ at, sinceExposure: at - zero, what });
  };
  const { rollback } = rollout;
  add(rollout.startedAt, "rollout started; stable watched alone");
  add(rollout.exposedAt, "first traffic on the candidate");
  add(rollback?.decidedAt, `decided to go back: ${rollback?.cause.join(", ")}`);
  add(rollback?.containedAt, "contained: no new request goes to the candidate");
  for (const step of steps)
    if (step.saga === rollback?.saga && step.endedAt !== undefined)
      add(step.endedAt, `${step.step} ${step.status}${step.recovered ? " (recovered after a crash)" : ""}`);
  add(rollback?.restoredAt, "restored: every component read back by digest");
  add(rollback?.fixedAt, "fixed: proved against stable's own window");
  add(rollout.endedAt, `ended: ${outcomeOf({ rollout })}`);
  return moments.sort((a, b) => a.at - b.at);
}
