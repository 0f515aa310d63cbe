import { AGAIN, AS_IT_COMES } from "../core/error-budget.ts";
import { isReportedAsItComes } from "../core/playbook.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import { formatDuration, type Instant, type Milliseconds } from "../core/time.ts";
import { logSumExp } from "../statistics/index.ts";
import { type Cohort, type Cohorts, type CohortsSetup, createCohorts } from "./cohort.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import { createPlainEvidence, type Evidence } from "./evidence.ts";
import type { Hypothesis } from "./hypothesis/hypothesis.ts";
import { NO_DOUBTS } from "./instruments/instrument.ts";
import {
  type Arrivals,
  ageOf,
  BAD_LATE,
  badAfter,
  type Cause,
  Lateness,
  type PlannedShares,
  partAfter,
} from "./lateness.ts";
import { badOf, type ParityRule, type Rule } from "./rule.ts";
import { evidenceFrom } from "./rule-watch.ts";
import { createStartsAfter, type StartsAfter } from "./starts-after.ts";
import type { ArmReports } from "./watermark.ts";

/** So long after its beginning a second is looked at again: a slow model, a batch job. Later outcomes need `labels`. */
const AGES: readonly Milliseconds[] = [5000, 15_000, 120_000, 900_000];
/** A look that misses more than this part of the candidate's outcomes proves no safety, nor one that misses so many bad ones. */
const MISSED = 0.02;
const BAD_MISSED = 0.1;
/** Of so many bad ones that stable should have by its own past, this part at least is there; or they are still to come. */
const AWAITED = 20;
const HARDLY = 0.1;
const CAUSES: Readonly<Record<Cause, string>> = {
  apart: "outcomes of the candidate come later than stable's",
  stranded: "outcomes of the candidate come when stable's of the same second are compared already, or at another node",
  "bad-late": "bad outcomes of stable come later than its others",
};
/** Nearly all: what `labels` has to say. */
const NEARLY = 0.98;
/** Where nobody planned the candidate's share. */
const UNPLANNED: PlannedShares = { shares: [0.5], each: Number.POSITIVE_INFINITY };
const SECOND: Milliseconds = 1000;
/** ln of their parts of the budget. */
const [FIRST, LOOK] = [Math.log(AS_IT_COMES), Math.log(AGAIN)];

/** Looks again, at an age of their own, at seconds whose outcomes are compared as they come. */
export interface LateLooks {
  /** @param stranded outcomes of the candidate so far that were compared with nothing as they came */
  take(samples: readonly Sample[], stranded: number): void;
  /** Takes in what has matured by now. */
  ripen(now: Instant): void;
  /** When what the looks say may change, if no samples come. */
  nextRipe(now: Instant): Instant;
  /** ln of the evidence of harm: what came as it came, or a look that has more, each weighed with its part of the budget. */
  harm(asItCame: number, now: Instant): number;
  safety(asItCame: number, now: Instant): number;
  /** Why no look can say what the candidate is like. */
  doubts(): readonly string[];
}

interface LooksSetup {
  readonly hypothesis: Hypothesis;
  readonly sideOf: CohortsSetup["sideOf"];
  readonly span: Milliseconds;
  readonly reports: ArmReports;
  readonly planned: PlannedShares;
  /** When the candidate got the first of its shares, and from when on requests are evidence. */
  readonly from: Instant;
  readonly exposed: Instant;
  readonly within: Milliseconds | undefined;
  /** The bad outcomes in a sample; undefined where single ones are not called bad. */
  readonly badOf: (sample: Pick<Sample, "n" | "k">) => number | undefined;
  /** What stable did before the release. */
  readonly frozen: FrozenWindow | undefined;
}

interface Look {
  /** With all that is known of both arms when stable's reports have come so far. */
  readonly forHarm: Cohorts;
  /** When both arms' have: who is silent is not safe. */
  readonly forSafety: Cohorts;
  readonly harm: StartsAfter;
  readonly safety: Evidence;
  /** The age at which it looks. */
  readonly age: Milliseconds;
  /** It has compared outcomes of both arms. */
  hasSeen: boolean;
}

/**
 * Outcomes are compared with those of their own second that became known in the same span of time; where the candidate's come
 * seconds after stable's, there are none of these left. So once the arms are seen to be apart, each second is looked at again
 * when it is 5 s old, and again at 15 s, 2 min and 15 min, with all that is known of it by then: both arms at the same age, as if
 * `labels` said so. The same is done where the candidate's are counted apart, and come just after those of stable were
 * compared, or are at another node; and where stable's bad outcomes are the late ones, so that early ones tell nothing.
 *
 * False alarms: a fiftieth of the rule's budget is kept for the four looks from the start, so all of it together is at most what
 * was promised. A look is fair if whether an outcome is bad does not decide on which side of its age it comes. Law 2: one more
 * bad outcome adds to the evidence of each look, and may begin the looks sooner, which adds starts and takes none away.
 *
 * @returns undefined for a rule that compares nothing, or whose outcomes mature or are no reports
 */
export function lateLooksOf(
  rule: Exclude<Rule, ParityRule>,
  hypothesis: Hypothesis,
  setup: EvaluatorSetup,
  sideOf: CohortsSetup["sideOf"],
  reports: ArmReports,
  span = SECOND,
): LateLooks | undefined {
  if (!hypothesis.test.compares || !isReportedAsItComes(rule.signal)) return undefined;
  return new Looks({
    hypothesis,
    sideOf,
    span,
    reports,
    planned: setup.planned ?? UNPLANNED,
    from: setup.from,
    exposed: evidenceFrom(setup),
    within: rule.within,
    frozen: setup.frozen.find(({ signal }) => signal === rule.signal.name),
    badOf: (sample) => (rule.test === "share" ? badOf(rule, sample) : undefined),
  });
}

/** A class, since there are very many: one object each, and not one for every function. */
class Looks implements LateLooks {
  readonly #setup: LooksSetup;
  readonly #lateness: Lateness;
  #looks: readonly Look[] = [];

  constructor(setup: LooksSetup) {
    this.#setup = setup;
    this.#lateness = new Lateness(setup.planned, setup.from);
  }

  take(samples: readonly Sample[], stranded: number): void {
    const { sideOf, badOf } = this.#setup;
    for (const sample of samples) this.#lateness.see(sample, sideOf(sample) === "candidate", badOf(sample));
    const since = this.#lateness.apartSince(stranded);
    if (since === undefined) return;
    if (this.#looks.length === 0) this.#begin(since);
    const later = samples.filter(({ bucket }) => bucket >= since);
    if (later.length === 0) return;
    for (const look of this.#looks) this.#close(look, look.forHarm.take(later), look.forSafety.take(later));
  }

  ripen(now: Instant): void {
    for (const look of this.#looks) this.#close(look, look.forHarm.ripen(now), look.forSafety.ripen(now));
  }

  nextRipe(now: Instant): Instant {
    const cohorts = this.#looks.flatMap(({ forHarm, forSafety }) => [forHarm, forSafety]);
    return cohorts.reduce((next, one) => Math.min(next, one.nextRipe(now)), Number.POSITIVE_INFINITY);
  }

  harm(asItCame: number, now: Instant): number {
    return this.#looks.reduce((most, { harm }) => Math.max(most, LOOK + harm.log(now)), FIRST + asItCame);
  }

  safety(asItCame: number, now: Instant): number {
    if (this.#looks.length === 0 && !this.#lateness.isBadLate && !this.#isAwaited) return FIRST + asItCame;
    const whole = this.#whole();
    // An e-value of 1 proves nothing.
    return whole.length === 0 ? 0 : logSumExp(whole.map(({ safety }) => LOOK + safety.log(now)));
  }

  doubts(): readonly string[] {
    const { isBadLate, cause, candidate, reference } = this.#lateness;
    const whole = this.#whole();
    const isAwaited = cause === undefined && this.#isAwaited;
    if (cause ? whole.some(({ hasSeen }) => hasSeen) : !isBadLate && !isAwaited) return NO_DOUBTS;
    if (isAwaited)
      return [
        `hardly any of stable's outcomes are bad, where ${`${Number((100 * this.#before).toPrecision(2))} %`} were before the release: if bad ones come later than others, declare \`labels\`; if stable has become so much better, its window is too old to tell`,
      ];
    const [own, other] = [candidate, reference].map((arm) => formatDuration(ageOf(0.5, arm)));
    const lateOf = (arm: Arrivals) => `${Math.round(badAfter(BAD_LATE, arm) * arm.bad)} of ${arm.bad}`;
    const took = `half of its outcomes take up to ${own}, of stable's up to ${other}`;
    const remedy = `declare \`labels: ${asWritten(Math.max(ageOf(NEARLY, candidate), ageOf(NEARLY, reference)))}\``;
    const isLater = ageOf(0.5, candidate) > ageOf(0.5, reference);
    const what = cause
      ? `${CAUSES[cause === "stranded" && isLater ? "apart" : cause]}, ${whole[0] ? `and none is compared before its second is ${formatDuration(whole[0].age)} old` : "too late to be compared"}`
      : `bad outcomes of the candidate come late: ${lateOf(candidate)} after more than 3 s, and ${lateOf(reference)} of stable's`;
    return [`${what}; ${took}: ${remedy}`];
  }

  /** Hardly any of the bad outcomes of stable have come that should have by what it did before the release. */
  get #isAwaited(): boolean {
    const { n, bad } = this.#lateness.reference;
    return this.#before * n >= AWAITED && bad < HARDLY * this.#before * n;
  }

  /** The part of stable's outcomes that were bad before the release. */
  get #before(): number {
    const { badOf, frozen } = this.#setup;
    return frozen && frozen.n > 0 ? (badOf(frozen) ?? 0) / frozen.n : 0;
  }

  /** The looks that come after nearly all outcomes of the candidate, and after its bad ones. */
  #whole(): readonly Look[] {
    const { candidate } = this.#lateness;
    return this.#looks.filter(
      ({ age }) => partAfter(age, candidate) <= MISSED && badAfter(age, candidate) <= BAD_MISSED,
    );
  }

  #begin(moment: Instant): void {
    const { hypothesis, sideOf, span, exposed, within, reports } = this.#setup;
    const cohorts = { sideOf, compares: true, span };
    this.#looks = AGES.map((age) => ({
      age,
      forHarm: createCohorts({ ...cohorts, maturity: age - SECOND, mark: reports.reference }),
      forSafety: createCohorts({ ...cohorts, maturity: age - SECOND, mark: reports.both }),
      harm: createStartsAfter(hypothesis.harm, exposed, moment, within === undefined ? undefined : within + age),
      safety: createPlainEvidence(hypothesis.safety),
      hasSeen: false,
    }));
  }

  #close(look: Look, forHarm: readonly Cohort[], forSafety: readonly Cohort[]): void {
    const { test } = this.#setup.hypothesis;
    for (const cohort of forHarm) {
      look.hasSeen ||= cohort.candidate.n > 0 && cohort.reference.n > 0;
      look.harm.add(cohort.bucket, test.harmOf(cohort));
    }
    for (const cohort of forSafety) look.safety.add(cohort.bucket, test.safetyOf(cohort));
  }
}

/** As a playbook says it. */
function asWritten(span: Milliseconds): string {
  for (const [unit, length] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
  ] as const)
    if (span >= length) return `${span / length}${unit}`;
  return `${span / 1000}s`;
}
