import { maturityOf } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";
import type { Finding } from "../core/verdict.ts";
import { harmDesign } from "../statistics/index.ts";
import { type Arm, type Cohort, createCohorts, join } from "./cohort.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import { createLateEvidence, createPlainEvidence, createRecentWatch, type Evidence } from "./evidence.ts";
import type { Hypothesis } from "./hypothesis/hypothesis.ts";
import { meanHypothesis } from "./hypothesis/mean.ts";
import { shareHypothesis } from "./hypothesis/share.ts";
import { timeHypothesis } from "./hypothesis/time.ts";
import { watchParity } from "./parity-watch.ts";
import type { ParityRule, Rule } from "./rule.ts";
import { createSight, type FirstSight, type Sight } from "./sight.ts";

/** Watches one rule on one candidate. */
export interface RuleWatch {
  /** Samples of the rule's signal, of one batch. */
  observe(own: readonly Sample[]): void;
  judge(now: Instant): Finding;
}

export function watchRule(rule: Rule, setup: EvaluatorSetup, first: FirstSight): RuleWatch {
  const sight = createSight(rule, setup, first);
  if (rule.test === "parity") return watchParity(rule, setup, sight);
  const hypothesis = hypothesisOf(rule, setup);
  return hypothesis ? watchArms(rule, hypothesis, setup, sight) : watchNothing(rule, setup);
}

/** @param forHarm what harm is looked for: that of a release that goes out, unless said otherwise */
export function hypothesisOf(
  rule: Exclude<Rule, ParityRule>,
  setup: Pick<EvaluatorSetup, "frozen">,
  forHarm = harmDesign,
): Hypothesis | undefined {
  const frozen = setup.frozen.find(({ signal }) => signal === rule.signal.name);
  if (rule.test === "mean") return meanHypothesis(rule, frozen);
  return rule.test === "time" ? timeHypothesis(rule, frozen, forHarm) : shareHypothesis(rule, frozen, forHarm);
}

/** When evidence begins: with the second of the first exposure, or once caches are warm. */
export function evidenceFrom({ from, warmUp = 0 }: EvaluatorSetup): Instant {
  return Math.floor((from + warmUp) / 1000) * 1000;
}

/** Evidence of harm, as the rule wants it, and of safety. */
export function evidenceOf(rule: Rule, { harm, safety }: Pick<Hypothesis, "harm" | "safety">, setup: EvaluatorSetup) {
  const watch = { from: evidenceFrom(setup), horizon: setup.horizon, holdback: setup.holdback ?? 0 };
  const { within } = rule;
  const forHarm: Evidence =
    within === undefined ? createLateEvidence(harm, watch) : createRecentWatch(harm, within, watch);
  return { harm: forHarm, safety: createPlainEvidence(safety) };
}

function watchArms(rule: Rule, hypothesis: Hypothesis, setup: EvaluatorSetup, sight: Sight): RuleWatch {
  const { candidate, reference } = setup;
  const from = evidenceFrom(setup);
  const evidence = evidenceOf(rule, hypothesis, setup);
  const logSafeEnough = -Math.log(setup.beta);
  const ofCandidate: Arm = { n: 0, k: 0 };
  const ofReference: Arm = { n: 0, k: 0 };
  const sideOf = ({ release }: Sample) => (release === candidate ? "candidate" : "reference");
  const cohorts = createCohorts({ sideOf, compares: hypothesis.compares, maturity: maturityOf(rule.signal) });
  let broken = false;

  /** Counts a sample that may be evidence; answers whether it is. */
  function admit(sample: Sample): boolean {
    const { release, bucket, group } = sample;
    if (bucket < from || group !== undefined || (release !== candidate && release !== reference)) return false;
    if (!hypothesis.possible(sample)) {
      broken = true;
      return false;
    }
    join(release === candidate ? ofCandidate : ofReference, sample);
    return true;
  }

  function close(closed: readonly Cohort[]): void {
    for (const cohort of closed) {
      evidence.harm.add(cohort.bucket, hypothesis.harmOf(cohort));
      evidence.safety.add(cohort.bucket, hypothesis.safetyOf(cohort));
    }
  }

  function kindOf(now: Instant, logSafe: number): Finding["kind"] {
    if (broken) return "instrument-error";
    return sight.blind(now, ofCandidate.n) ?? (logSafe >= logSafeEnough ? "healthy" : "inconclusive");
  }

  return {
    observe(own) {
      sight.see(own);
      const admitted = own.filter(admit);
      if (admitted.length > 0) close(cohorts.take(admitted));
    },
    judge(now) {
      close(cohorts.ripen(now));
      const logSafe = evidence.safety.log(now);
      return {
        name: rule.name,
        signal: rule.signal.name,
        kind: kindOf(now, logSafe),
        claim: rule.claim,
        method: hypothesis.method,
        candidate: { release: candidate, n: ofCandidate.n, ...hypothesis.shown(ofCandidate) },
        reference: { release: reference, n: ofReference.n, ...hypothesis.shown(ofReference) },
        logHarm: evidence.harm.log(now),
        logSafe,
        ...(hypothesis.threshold !== undefined && { threshold: hypothesis.threshold }),
      };
    },
  };
}

/** Of a time without a frozen window nobody can say what is slow. */
function watchNothing(rule: Rule, { candidate, reference }: EvaluatorSetup): RuleWatch {
  return {
    observe() {},
    judge: () => ({
      name: rule.name,
      signal: rule.signal.name,
      kind: "no-data",
      claim: rule.claim,
      method: "exceedance",
      candidate: { release: candidate, n: 0, k: 0 },
      reference: { release: reference, n: 0, k: 0 },
      logHarm: 0,
      logSafe: 0,
      doubts: [`nothing was measured of ${rule.signal.name} before the release, so nobody can say what is slow`],
    }),
  };
}
