import { MOST_GROUPS, segmentParts, WHOLE } from "../core/error-budget.ts";
import { maturityOf } from "../core/playbook.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { Finding, SegmentFinding } from "../core/verdict.ts";
import { logSumExp } from "../statistics/index.ts";
import { type Arm, type Cohort, type Cohorts, createCohorts, join } from "./cohort.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import type { Evidence } from "./evidence.ts";
import { againstFrozen } from "./frozen-reference.ts";
import { isEarly, type RuleTest } from "./hypothesis/hypothesis.ts";
import { type LateLooks, lateLooksOf } from "./late-looks.ts";
import type { SegmentedRule } from "./rule.ts";
import { evidenceFrom, evidenceOf, hypothesisOf, type RuleWatch } from "./rule-watch.ts";
import type { Sight } from "./sight.ts";
import { ArmReports } from "./watermark.ts";

/** Segments are smaller than arms: requests of so long may share a cohort. A full one closes sooner. */
const SPAN: Milliseconds = 10_000;
/** Of fewer outcomes before the release nothing is taken for a segment's own: the whole's are then the forecast. */
const KNOWN = 100;
/** A segment with at least this part of stable's outcomes before the release must be proved safe too. */
const GREAT = 0.05;

/** The whole, or one of its segments. */
interface Segment {
  readonly group: string | undefined;
  readonly logWeight: number;
  readonly test: RuleTest;
  readonly cohorts: Cohorts;
  /** Of outcomes that mature, and are compared. */
  readonly forSafety: Cohorts | undefined;
  readonly looks: LateLooks | undefined;
  readonly evidence: { readonly harm: Evidence; readonly safety: Evidence };
  readonly sums: { readonly candidate: Arm; readonly reference: Arm };
  /** Safety has to be proved of it. */
  readonly great: boolean;
}

/**
 * One claim about the whole and about each segment: each is a hypothesis with a part of the rule's error budget, and the
 * evidence is the weighted mean of their e-values, which is one under any dependence (Vovk and Wang 2021). The whole has half
 * of it, segments that the frozen window has seen share the rest equally, and those that appear later each have a part of
 * the reserve. One more bad outcome adds to the evidence of the whole and of its segment, and takes from none.
 *
 * Safety is proved when it is of the whole and of every great segment, at the full level each, since all must be (Berger 1982).
 */
export function watchSegments(rule: SegmentedRule, setup: EvaluatorSetup, sight: Sight): RuleWatch {
  const from = evidenceFrom(setup);
  const window = setup.frozen.find(({ signal }) => signal === rule.signal.name);
  const prefix = `${rule.inAny}=`;
  const known = Object.keys(window?.groups ?? {})
    .filter((group) => group.startsWith(prefix))
    .slice(0, MOST_GROUPS);
  const parts = segmentParts(known.length);
  const reports = new ArmReports(maturityOf(rule.signal));
  let unseen = MOST_GROUPS;
  const create = (group: string | undefined, weight: number) =>
    createSegment(rule, setup, { window, group, weight, reports });
  const whole = create(undefined, WHOLE)!;
  const segments = new Map<string | undefined, Segment | undefined>([[undefined, whole]]);
  for (const group of known) meet(group, parts.known);
  let broken = false;

  function meet(group: string, weight: number): void {
    segments.set(group, create(group, weight));
  }

  function segmentOf(group: string | undefined): Segment | undefined {
    if (group !== undefined && !group.startsWith(prefix)) return undefined;
    const name = segments.has(group) || segments.size < MOST_GROUPS ? group : `${prefix}other`;
    if (!segments.has(name) && unseen > 0) {
      unseen -= 1;
      meet(name!, parts.later);
    }
    return segments.get(name);
  }

  return {
    observe(own) {
      const rows = new Map<Segment, Sample[]>();
      const heard: Sample[] = [];
      sight.see(own);
      for (const sample of own) {
        if (!isEvidence(sample, setup, from)) continue;
        const segment = segmentOf(sample.group);
        if (!segment) continue;
        if (!segment.test.possible(sample)) broken = true;
        else {
          join(segment.sums[sample.release === setup.candidate ? "candidate" : "reference"], sample);
          rows.set(segment, [...(rows.get(segment) ?? []), sample]);
        }
      }
      for (const [segment, some] of rows) {
        close(segment, segment.cohorts.take(some), segment.forSafety?.take(some));
        // After all of them, who share it.
        heard.push(...some);
      }
      reports.hear(heard, setup.candidate);
      for (const [{ looks, cohorts }, some] of rows) looks?.take(some, cohorts.stranded);
    },
    judge(now) {
      const all = [...segments.values()].filter((segment) => segment !== undefined);
      for (const segment of all) {
        close(segment, segment.cohorts.ripen(now), segment.forSafety?.ripen(now));
        segment.looks?.ripen(now);
      }
      const logs = all.map((segment) => segment.logWeight + logHarmOf(segment, now));
      const idle = 1 - all.reduce((sum, { logWeight }) => sum + Math.exp(logWeight), 0);
      const logHarm = logSumExp(idle > 1e-9 ? [...logs, Math.log(idle)] : logs);
      const logSafe = Math.min(...all.filter(({ great }) => great).map((segment) => logSafeOf(segment, now)));
      const proved = logSafe >= -Math.log(setup.beta);
      const doubts = [
        ...new Set(
          all
            .filter(({ great }) => great)
            .flatMap(({ looks, forSafety }) => looks?.doubts() ?? (forSafety ? reports.doubts(now) : [])),
        ),
      ];
      const named = loudest(all, logs, Math.log(setup.rules.length / setup.alpha), setup, now);
      return {
        name: rule.name,
        signal: rule.signal.name,
        kind: broken
          ? "instrument-error"
          : (sight.blind(now, whole.sums.candidate.n) ?? (proved ? "healthy" : "inconclusive")),
        claim: rule.claim,
        method: whole.test.method,
        ...tallies(whole, setup),
        logHarm,
        logSafe,
        ...(whole.test.assumes === undefined ? {} : { assumes: whole.test.assumes }),
        ...lineOf(whole),
        ...(named.length > 0 ? { segments: named } : {}),
        ...(doubts.length > 0 ? { doubts } : {}),
      };
    },
    standsUntil: (now) => now,
    alone: (since) => reports.reference.end(since),
  };
}

interface SegmentTerms {
  readonly window: FrozenWindow | undefined;
  readonly group: string | undefined;
  readonly weight: number;
  /** Those of the whole: a segment may be silent while its arm is not. */
  readonly reports: ArmReports;
}

/** Undefined where nothing can be said of it: of a time that nobody measured before the release. */
function createSegment(
  rule: SegmentedRule,
  setup: EvaluatorSetup,
  { window, group, weight, reports }: SegmentTerms,
): Segment | undefined {
  const { inAny: _, alone, ...plain } = rule;
  const own = group === undefined ? window : ownWindow(window, group);
  const frozen = own ? [own] : alone === undefined && window ? [window] : [];
  const error = alone === undefined ? undefined : alone * weight;
  const one = error === undefined ? plain : againstFrozen(plain, frozen, error);
  const hypothesis = hypothesisOf(one, { frozen });
  if (!hypothesis) return undefined;
  const sideOf = ({ release }: Sample) => (release === setup.candidate ? "candidate" : "reference");
  const span = group === undefined ? {} : { span: SPAN };
  const { compares } = hypothesis.test;
  const maturity = maturityOf(rule.signal);
  const cohorts = { sideOf, compares, maturity, ...span };
  return {
    group,
    logWeight: Math.log(weight),
    test: hypothesis.test,
    cohorts: createCohorts(compares ? { ...cohorts, mark: reports.reference } : cohorts),
    forSafety: compares && maturity > 0 ? createCohorts({ ...cohorts, mark: reports.both }) : undefined,
    looks: lateLooksOf(one, hypothesis, setup, sideOf, reports, span.span),
    evidence: evidenceOf(one, hypothesis, setup),
    sums: { candidate: { n: 0, k: 0 }, reference: { n: 0, k: 0 } },
    great: group === undefined || (window !== undefined && (window.groups?.[group]?.n ?? 0) >= GREAT * window.n),
  };
}

/** What stable did in this segment before the release, if that is known well enough. */
function ownWindow(window: FrozenWindow | undefined, group: string): FrozenWindow | undefined {
  const counts = window?.groups?.[group];
  if (!window || !counts || counts.n < KNOWN || (window.cells && !counts.cells)) return undefined;
  return { signal: window.signal, ...counts };
}

function isEvidence({ release, bucket }: Sample, { candidate, reference }: EvaluatorSetup, from: Instant): boolean {
  return bucket >= from && (release === candidate || release === reference);
}

function close({ evidence, test }: Segment, forHarm: readonly Cohort[], forSafety: readonly Cohort[] = forHarm): void {
  for (const cohort of forHarm) evidence.harm.add(cohort.bucket, test.harmOf(cohort));
  for (const cohort of forSafety) evidence.safety.add(cohort.bucket, test.safetyOf(cohort));
}

function logHarmOf({ evidence, looks, test, sums }: Segment, now: Instant): number {
  if (isEarly(test, sums)) return 0;
  const log = evidence.harm.log(now);
  return looks ? looks.harm(log, now) : log;
}

function logSafeOf({ evidence, looks, test, sums }: Segment, now: Instant): number {
  if (isEarly(test, sums)) return 0;
  const log = evidence.safety.log(now);
  return looks ? looks.safety(log, now) : log;
}

function tallies({ group, test, sums }: Segment, { candidate, reference }: EvaluatorSetup) {
  const line = test.loudest?.(sums) ?? test;
  const of = (release: typeof candidate, arm: Arm) => ({
    release,
    n: arm.n,
    ...line.shown(arm),
    ...(group === undefined ? {} : { group }),
  });
  return { candidate: of(candidate, sums.candidate), reference: of(reference, sums.reference) };
}

/** Of a time: what is slow. */
function lineOf({ test, sums }: Segment): Pick<Finding, "threshold" | "quantile"> {
  const line = test.loudest?.(sums);
  if (line) return { threshold: line.threshold, quantile: line.quantile };
  return test.threshold === undefined ? {} : { threshold: test.threshold };
}

/** The segments that pass the threshold by themselves, the loudest first; else the loudest, if it is louder than the whole. */
function loudest(
  all: readonly Segment[],
  logs: readonly number[],
  threshold: number,
  setup: EvaluatorSetup,
  now: Instant,
): readonly SegmentFinding[] {
  const ranked = all
    .map((segment, index) => ({ segment, log: logs[index]! }))
    .filter(({ segment }) => segment.group !== undefined)
    .sort((a, b) => b.log - a.log);
  const failed = ranked.filter(({ log }) => log >= threshold);
  const shown = failed.length > 0 ? failed : ranked.slice(0, 1).filter(({ log }) => log > logs[0]!);
  return shown.map(({ segment, log }) => ({
    group: segment.group!,
    ...tallies(segment, setup),
    logHarm: logHarmOf(segment, now),
    failed: log >= threshold,
  }));
}
