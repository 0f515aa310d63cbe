import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";
import type { Finding } from "../core/verdict.ts";
import {
  advance,
  chooseForm,
  type Design,
  harmDesign,
  increments,
  logEvidence,
  safetyDesign,
  spending,
  startRecursion,
} from "../statistics/index.ts";
import { blocksOf } from "./block.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import type { Rule } from "./rule.ts";

/** Watches one rule on one candidate. */
export interface RuleWatch {
  observe(batch: readonly Sample[]): void;
  judge(now: Instant): Finding;
}

/** Starts of the recursion after the first one: enough that a late fault meets a fresh start soon. */
const LATE_STARTS = 60;

/** The share of bad answers that is assumed where stable was never seen: any value is valid, a good one is faster. */
const UNKNOWN_SHARE = 0.05;

export function watchRule(rule: Rule, setup: EvaluatorSetup): RuleWatch {
  const { harm, safety } = designsOf(rule, setup);
  const weightOf = spending({ starts: LATE_STARTS });
  const every = Math.max(1000, setup.horizon / LATE_STARTS);
  const from = Math.floor(setup.from / 1000) * 1000;
  const tally = { n1: 0, k1: 0, n0: 0, k0: 0 };
  let harmState = startRecursion(harm);
  let safetyState = startRecursion(safety);
  let starts = 0;
  let safetyStarted = false;
  let exposedSince: Instant | undefined;
  let lastOutcome: Instant | undefined;
  let broken = false;

  const startsDue = (bucket: Instant): number => {
    const due = 1 + Math.floor((bucket - from) / every);
    let weight = 0;
    for (; starts < due; starts++) weight += weightOf(starts);
    return weight;
  };

  return {
    observe(batch) {
      for (const sample of batch) {
        if (sample.release !== setup.candidate || sample.bucket < from) continue;
        exposedSince ??= sample.bucket;
        if (sample.signal === rule.signal.name && sample.n > 0) {
          lastOutcome = Math.max(lastOutcome ?? 0, sample.bucket);
          if (rule.signal.kind === "share" && (sample.k > sample.n || sample.k < 0)) broken = true;
        }
      }
      for (const block of blocksOf(batch, rule, setup.candidate, setup.reference)) {
        if (block.bucket < from) continue;
        harmState = advance(harmState, harm, increments(harm, block), startsDue(block.bucket));
        safetyState = advance(safetyState, safety, increments(safety, block), safetyStarted ? 0 : 1);
        safetyStarted = true;
        tally.n1 += block.n1;
        tally.k1 += block.k1;
        tally.n0 += block.n0;
        tally.k0 += block.k0;
      }
    },
    judge(now) {
      const logSafe = safetyStarted ? logEvidence(safetyState) : 0;
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
        logHarm: starts === 0 ? Number.NEGATIVE_INFINITY : logEvidence(harmState),
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
