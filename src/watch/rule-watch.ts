import { isComparedByEnding, maturityOf } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";
import type { Finding } from "../core/verdict.ts";
import { harmDesign, NumberShelf } from "../statistics/index.ts";
import { calibrationOf, createCalibratedEvidence } from "./calibrated-evidence.ts";
import { type Arm, type Cohort, type Cohorts, createCohorts, join } from "./cohort.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import { createLateEvidence, createPlainEvidence, createRecentWatch, type Evidence } from "./evidence.ts";
import { averageHypothesis } from "./hypothesis/average.ts";
import { type Hypothesis, isEarly, type RuleTest } from "./hypothesis/hypothesis.ts";
import { meanHypothesis } from "./hypothesis/mean.ts";
import { shareHypothesis } from "./hypothesis/share.ts";
import { timeHypothesis } from "./hypothesis/time.ts";
import { NO_DOUBTS } from "./instruments/instrument.ts";
import { type LateLooks, lateLooksOf } from "./late-looks.ts";
import { watchParity } from "./parity-watch.ts";
import { isSegmented, type ParityRule, type Rule } from "./rule.ts";
import { watchSegments } from "./segment-watch.ts";
import { createSight, type FirstSight, type Sight } from "./sight.ts";
import { ArmReports } from "./watermark.ts";

/** Watches one rule on one candidate. */
export interface RuleWatch {
  /** Samples of the rule's signal, of one batch. */
  observe(own: readonly Sample[]): void;
  judge(now: Instant): Finding;
  /** After a judgement: before this moment it says the same again, unless samples come. */
  standsUntil(now: Instant): Instant;
  /** The reference has no requests from this moment on. */
  alone?(since: Instant): void;
}

/** @param shelf where what is looked at for every batch is kept, beside that of other rules */
export function watchRule(rule: Rule, setup: EvaluatorSetup, first: FirstSight, shelf: NumberShelf): RuleWatch {
  const sight = createSight(rule, setup, first);
  if (rule.test === "parity") return watchParity(rule, setup, sight);
  const hypothesis = hypothesisOf(rule, setup, harmDesign, shelf);
  if (!hypothesis) return watchNothing(rule, setup);
  return isSegmented(rule) ? watchSegments(rule, setup, sight) : new ArmsWatch(rule, hypothesis, setup, sight, shelf);
}

/** @param forHarm what harm is looked for: that of a release that goes out, unless said otherwise */
export function hypothesisOf(
  rule: Exclude<Rule, ParityRule>,
  setup: Pick<EvaluatorSetup, "frozen">,
  forHarm = harmDesign,
  shelf = new NumberShelf(),
): Hypothesis | undefined {
  const frozen = setup.frozen.find(({ signal }) => signal === rule.signal.name);
  if (rule.test === "mean") return meanHypothesis(rule, frozen);
  if (rule.test === "average") return averageHypothesis(rule, frozen);
  return rule.test === "time"
    ? timeHypothesis(rule, frozen, forHarm, shelf)
    : shareHypothesis(rule, frozen, forHarm, shelf);
}

/** When evidence begins: with the second of the first exposure, or once caches are warm. */
export function evidenceFrom({ from, warmUp = 0 }: EvaluatorSetup): Instant {
  return Math.floor((from + warmUp) / 1000) * 1000;
}

/** Evidence of harm, as the rule wants it, and of safety. */
export function evidenceOf(
  rule: Rule,
  { harm, safety, design }: Pick<Hypothesis, "harm" | "safety" | "design">,
  setup: EvaluatorSetup,
  shelf = new NumberShelf(),
): { readonly harm: Evidence; readonly safety: Evidence; readonly assumes?: string } {
  const watch = { from: evidenceFrom(setup), horizon: setup.horizon, holdback: setup.holdback ?? 0 };
  const { within } = rule;
  if (rule.test === "share" && rule.calibrated && design) {
    const calibration = calibrationOf(rule, design, setup);
    const own = calibration
      ? createCalibratedEvidence(design, calibration, setup, watch)
      : createLateEvidence(harm, watch, shelf);
    const assumes = calibration ? `calibrated: ${calibration.assumption}` : NOT_RARE;
    return { harm: own, safety: createPlainEvidence(safety, shelf), assumes };
  }
  const forHarm: Evidence =
    within === undefined ? createLateEvidence(harm, watch, shelf) : createRecentWatch(harm, within, watch);
  return { harm: forHarm, safety: createPlainEvidence(safety, shelf) };
}

/** So many, and half of all, that were compared with nothing are worth saying. */
const STRANDED = 30;
const NOT_RARE = "not calibrated: more than 3 % are bad, which cannot be walked exactly, so the usual threshold holds";

/** A class, since there are very many: one object each, and not one for every function. */
class ArmsWatch implements RuleWatch {
  readonly #rule: Rule;
  readonly #setup: EvaluatorSetup;
  readonly #test: RuleTest;
  readonly #sight: Sight;
  readonly #from: Instant;
  readonly #harm: Evidence;
  readonly #safety: Evidence;
  readonly #reports: ArmReports;
  readonly #cohorts: Cohorts;
  /** Of outcomes that mature, and are compared. */
  readonly #forSafety: Cohorts | undefined;
  readonly #looks: LateLooks | undefined;
  readonly #candidate: Arm = { n: 0, k: 0 };
  readonly #reference: Arm = { n: 0, k: 0 };
  readonly #assumes: string | undefined;
  #broken = false;

  constructor(
    rule: Exclude<Rule, ParityRule>,
    hypothesis: Hypothesis,
    setup: EvaluatorSetup,
    sight: Sight,
    shelf: NumberShelf,
  ) {
    this.#rule = rule;
    this.#setup = setup;
    this.#test = hypothesis.test;
    this.#sight = sight;
    this.#from = evidenceFrom(setup);
    const { harm, safety, assumes } = evidenceOf(rule, hypothesis, setup, shelf);
    this.#assumes = hypothesis.test.assumes ?? assumes;
    this.#harm = harm;
    this.#safety = safety;
    const sideOf = ({ release }: Sample) => (release === setup.candidate ? "candidate" : "reference");
    const { compares } = hypothesis.test;
    const maturity = maturityOf(rule.signal);
    this.#reports = new ArmReports(maturity);
    const cohorts = { sideOf, compares, maturity, byEnding: isComparedByEnding(rule.signal) };
    this.#cohorts = createCohorts(compares ? { ...cohorts, mark: this.#reports.reference } : cohorts);
    this.#forSafety = compares && maturity > 0 ? createCohorts({ ...cohorts, mark: this.#reports.both }) : undefined;
    this.#looks = lateLooksOf(rule, hypothesis, setup, sideOf, this.#reports);
  }

  observe(own: readonly Sample[]): void {
    this.#sight.see(own);
    // Most often all of them are evidence, and nothing is copied.
    let some: Sample[] | undefined;
    for (let index = 0; index < own.length; index++) {
      const sample = own[index]!;
      if (this.#admit(sample)) some?.push(sample);
      else some ??= own.slice(0, index);
    }
    const admitted = some ?? own;
    if (admitted.length === 0) return;
    this.#close(this.#cohorts.take(admitted), this.#forSafety?.take(admitted));
    if (this.#looks || this.#forSafety) this.#reports.hear(admitted, this.#setup.candidate);
    this.#looks?.take(admitted, this.#cohorts.stranded);
  }

  alone(since: Instant): void {
    this.#reports.reference.end(since);
  }

  standsUntil(now: Instant): Instant {
    if (this.#rule.within !== undefined) return now;
    const ripe = Math.min(
      ...[this.#cohorts, this.#forSafety, this.#looks].map((one) => one?.nextRipe(now) ?? Number.POSITIVE_INFINITY),
    );
    return Math.min(ripe, this.#sight.standsUntil(now));
  }

  judge(now: Instant): Finding {
    this.#close(this.#cohorts.ripen(now), this.#forSafety?.ripen(now));
    this.#looks?.ripen(now);
    const { name, signal, claim } = this.#rule;
    const { method } = this.#test;
    const line = this.#test.loudest?.({ candidate: this.#candidate, reference: this.#reference }) ?? this.#test;
    const early = this.#isEarly();
    const logSafe = early ? 0 : this.#logSafe(now);
    const finding = {
      name,
      signal: signal.name,
      kind: this.#kindOf(now, logSafe),
      claim,
      method,
      candidate: this.#tally(line, this.#setup.candidate, this.#candidate),
      reference: this.#tally(line, this.#setup.reference, this.#reference),
      logHarm: early ? 0 : this.#logHarm(now),
      logSafe,
    };
    const doubts = this.#forSafety ? this.#reports.doubts(now) : (this.#looks?.doubts() ?? this.#doubtsOfBlocks());
    const said = doubts.length === 0 ? finding : { ...finding, doubts };
    if ("quantile" in line) return { ...said, threshold: line.threshold, quantile: line.quantile };
    if (line.threshold !== undefined) return { ...said, threshold: line.threshold };
    return this.#assumes === undefined ? said : { ...said, assumes: this.#assumes };
  }

  /** Counts a sample that may be evidence; answers whether it is. */
  #admit(sample: Sample): boolean {
    const { release, bucket, group } = sample;
    const isCandidate = release === this.#setup.candidate;
    if (bucket < this.#from || group !== undefined || !(isCandidate || release === this.#setup.reference)) return false;
    if (!this.#test.possible(sample)) {
      this.#broken = true;
      return false;
    }
    join(isCandidate ? this.#candidate : this.#reference, sample);
    return true;
  }

  #close(forHarm: readonly Cohort[], forSafety: readonly Cohort[] = forHarm): void {
    // By index: most often there is none, or one, and an iterator would be made for it.
    for (let index = 0; index < forHarm.length; index++)
      this.#harm.add(forHarm[index]!.bucket, this.#test.harmOf(forHarm[index]!));
    for (let index = 0; index < forSafety.length; index++)
      this.#safety.add(forSafety[index]!.bucket, this.#test.safetyOf(forSafety[index]!));
  }

  #logHarm(now: Instant): number {
    const asItComes = this.#harm.log(now);
    return this.#looks ? this.#looks.harm(asItComes, now) : asItComes;
  }

  #logSafe(now: Instant): number {
    const asItComes = this.#safety.log(now);
    return this.#looks ? this.#looks.safety(asItComes, now) : asItComes;
  }

  /** Of what the gateway counts there is no second look. */
  #doubtsOfBlocks(): readonly string[] {
    const { stranded } = this.#cohorts;
    const { n } = this.#candidate;
    if (stranded < STRANDED || 2 * stranded < n) return NO_DOUBTS;
    return [
      `${stranded} of ${n} outcomes of the candidate were compared with nothing: they came when stable's of the same second were compared already, or at another node; report both arms of a second together`,
    ];
  }

  #isEarly(): boolean {
    if (this.#test.least === undefined) return false;
    return isEarly(this.#test, { candidate: this.#candidate, reference: this.#reference });
  }

  #kindOf(now: Instant, logSafe: number): Finding["kind"] {
    if (this.#broken) return "instrument-error";
    return (
      this.#sight.blind(now, this.#candidate.n) ?? (logSafe >= -Math.log(this.#setup.beta) ? "healthy" : "inconclusive")
    );
  }

  #tally(line: Pick<RuleTest, "shown">, release: Finding["candidate"]["release"], arm: Arm): Finding["candidate"] {
    const { k, mean } = line.shown(arm);
    return mean === undefined ? { release, n: arm.n, k } : { release, n: arm.n, k, mean };
  }
}

/** Of a time without a frozen window nobody can say what is slow, and of a value without ends how far it spreads. */
function watchNothing(rule: Rule, { candidate, reference }: EvaluatorSetup): RuleWatch {
  return {
    observe() {},
    judge: () => ({
      name: rule.name,
      signal: rule.signal.name,
      kind: "no-data",
      claim: rule.claim,
      method: rule.test === "average" ? "asymptotic-mean" : "exceedance",
      candidate: { release: candidate, n: 0, k: 0 },
      reference: { release: reference, n: 0, k: 0 },
      logHarm: 0,
      logSafe: 0,
      doubts: [unknown(rule)],
    }),
    standsUntil: () => Number.POSITIVE_INFINITY,
  };
}

function unknown({ test, signal: { name, min = 0 } }: Rule): string {
  if (test !== "average") return `nothing was measured of ${name} before the release, so nobody can say what is slow`;
  return `fewer than ${min.toLocaleString("en-US")} different values of ${name} were measured before the release, so nobody can say how far they spread`;
}
