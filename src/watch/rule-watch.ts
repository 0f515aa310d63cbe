import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";
import type { Finding } from "../core/verdict.ts";
import { chooseForm, type Design, harmDesign, increments, safetyDesign } from "../statistics/index.ts";
import { createCohorts } from "./cohort.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import { createLateEvidence, createPlainEvidence } from "./evidence.ts";
import { badOf, type Rule } from "./rule.ts";

/** Watches one rule on one candidate. */
export interface RuleWatch {
  observe(batch: readonly Sample[]): void;
  judge(now: Instant): Finding;
}

/** The share of bad answers that is assumed where stable was never seen: any value is valid, a good one is faster. */
const UNKNOWN_SHARE = 0.05;

export function watchRule(rule: Rule, setup: EvaluatorSetup): RuleWatch {
  const { harm, safety } = designsOf(rule, setup);
  const from = Math.floor(setup.from / 1000) * 1000;
  const cohorts = createCohorts({ ...setup, rule, compares: harm.null.ratio > 0 || safety.null.ratio > 0 });
  const harmEvidence = createLateEvidence(harm, from, setup.horizon);
  const safetyEvidence = createPlainEvidence(safety);
  const tally = { n1: 0, k1: 0, n0: 0, k0: 0 };
  let exposedSince: Instant | undefined;
  let lastOutcome: Instant | undefined;
  let broken = false;

  /** Counts a sample that may be evidence; answers whether it is. */
  function admit(sample: Sample): boolean {
    const isCandidate = sample.release === setup.candidate;
    if (sample.bucket < from || (!isCandidate && sample.release !== setup.reference)) return false;
    if (isCandidate) exposedSince = Math.min(exposedSince ?? sample.bucket, sample.bucket);
    if (sample.signal !== rule.signal.name) return false;
    if (!isShare(sample)) {
      broken = true;
      return false;
    }
    if (isCandidate) {
      if (sample.n > 0) lastOutcome = Math.max(lastOutcome ?? 0, sample.bucket);
      tally.n1 += sample.n;
      tally.k1 += badOf(rule, sample);
    } else {
      tally.n0 += sample.n;
      tally.k0 += badOf(rule, sample);
    }
    return true;
  }

  return {
    observe(batch) {
      for (const block of cohorts.take(batch.filter(admit))) {
        harmEvidence.add(block.bucket, increments(harm, block));
        safetyEvidence.add(block.bucket, increments(safety, block));
      }
    },
    judge(now) {
      const logSafe = safetyEvidence.log();
      const quiet = now - Math.max(lastOutcome ?? 0, exposedSince ?? now) > setup.blindMs;
      const kind = broken
        ? "instrument-error"
        : tally.n1 === 0 || quiet
          ? "no-data"
          : logSafe >= -Math.log(setup.beta)
            ? "healthy"
            : "inconclusive";
      return {
        name: rule.name,
        signal: rule.signal.name,
        kind,
        claim: rule.claim,
        method: harm.form,
        candidate: { release: setup.candidate, n: tally.n1, k: asNamed(rule, tally.n1, tally.k1) },
        reference: { release: setup.reference, n: tally.n0, k: asNamed(rule, tally.n0, tally.k0) },
        logHarm: harmEvidence.log(),
        logSafe,
      };
    },
  };
}

/** Designs of one rule, for reports and for recomputing a decision. */
export function designsOf(rule: Rule, setup: EvaluatorSetup): { readonly harm: Design; readonly safety: Design } {
  const forecast = forecastOf(rule, setup);
  const form = chooseForm(forecast, rule.null);
  return {
    harm: harmDesign({ form, null: rule.harmNull ?? rule.null, forecast }),
    safety: safetyDesign({ form, null: rule.null, forecast }),
  };
}

/** So many of so many; anything else is a fault of the instrument. */
function isShare({ n, k }: Sample): boolean {
  return Number.isSafeInteger(n) && Number.isSafeInteger(k) && k >= 0 && k <= n;
}

function asNamed(rule: Rule, n: number, bad: number): number {
  return rule.badIs === "part" ? bad : n - bad;
}

/** Stable's own bad share before the release; predictable, so any value keeps the guarantee. */
function forecastOf(rule: Rule, setup: EvaluatorSetup): number {
  const window = setup.frozen.find((frozen) => frozen.signal === rule.signal.name);
  if (!window || window.n === 0) return UNKNOWN_SHARE;
  const bad = rule.badIs === "part" ? window.k : window.n - window.k;
  return (bad + 0.5) / (window.n + 1);
}
