import { maturityOf } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";
import type { Finding } from "../core/verdict.ts";
import { harmDesign } from "../statistics/index.ts";
import { type Arm, createCohorts } from "./cohort.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import { createLateEvidence, createPlainEvidence, createRecentWatch, type Evidence } from "./evidence.ts";
import type { Hypothesis } from "./hypothesis/hypothesis.ts";
import { meanHypothesis } from "./hypothesis/mean.ts";
import { shareHypothesis } from "./hypothesis/share.ts";
import { timeHypothesis } from "./hypothesis/time.ts";
import { watchParity } from "./parity-watch.ts";
import type { ParityRule, Rule } from "./rule.ts";
import { createSight } from "./sight.ts";

/** Watches one rule on one candidate. */
export interface RuleWatch {
  observe(batch: readonly Sample[]): void;
  judge(now: Instant): Finding;
}

export function watchRule(rule: Rule, setup: EvaluatorSetup): RuleWatch {
  if (rule.test === "parity") return watchParity(rule, setup);
  const hypothesis = hypothesisOf(rule, setup);
  return hypothesis ? watchArms(rule, hypothesis, setup) : watchNothing(rule, setup);
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

function watchArms(rule: Rule, hypothesis: Hypothesis, setup: EvaluatorSetup): RuleWatch {
  const from = evidenceFrom(setup);
  const evidence = evidenceOf(rule, hypothesis, setup);
  const sight = createSight(rule, setup);
  const sums: Record<"candidate" | "reference", Arm> = { candidate: { n: 0, k: 0 }, reference: { n: 0, k: 0 } };
  const sideOf = ({ release }: Sample) => (release === setup.candidate ? "candidate" : "reference");
  const cohorts = createCohorts({ sideOf, compares: hypothesis.compares, maturity: maturityOf(rule.signal) });
  let broken = false;

  /** Counts a sample that may be evidence; answers whether it is. */
  function admit(sample: Sample): boolean {
    const { release, bucket, signal, group } = sample;
    if (bucket < from || (release !== setup.candidate && release !== setup.reference)) return false;
    if (signal !== rule.signal.name || group !== undefined) return false;
    if (!hypothesis.possible(sample)) {
      broken = true;
      return false;
    }
    addTo(sums[sideOf(sample)], sample);
    return true;
  }

  function close(closed: ReturnType<typeof cohorts.take>): void {
    for (const cohort of closed) {
      evidence.harm.add(cohort.bucket, hypothesis.harmOf(cohort));
      evidence.safety.add(cohort.bucket, hypothesis.safetyOf(cohort));
    }
  }

  return {
    observe(batch) {
      const own: Sample[] = [];
      for (const sample of batch) {
        sight.see(sample);
        if (admit(sample)) own.push(sample);
      }
      if (own.length > 0) close(cohorts.take(own));
    },
    judge(now) {
      close(cohorts.ripen(now));
      const logSafe = evidence.safety.log(now);
      const proved = logSafe >= -Math.log(setup.beta);
      const shown = (release: Finding["candidate"]["release"], arm: Arm) => ({
        release,
        n: arm.n,
        ...hypothesis.shown(arm),
      });
      return {
        name: rule.name,
        signal: rule.signal.name,
        kind: broken
          ? "instrument-error"
          : (sight.blind(now, sums.candidate.n) ?? (proved ? "healthy" : "inconclusive")),
        claim: rule.claim,
        method: hypothesis.method,
        candidate: shown(setup.candidate, sums.candidate),
        reference: shown(setup.reference, sums.reference),
        logHarm: evidence.harm.log(now),
        logSafe,
        ...(hypothesis.threshold === undefined ? {} : { threshold: hypothesis.threshold }),
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

function addTo(sum: Arm, { n, k, cells }: Sample): void {
  sum.n += n;
  sum.k += k;
  if (!cells) return;
  sum.cells ??= new Map();
  for (const [cell, count] of cells) sum.cells.set(cell, (sum.cells.get(cell) ?? 0) + count);
}
