import { isReportedLater } from "../../core/playbook.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";
import {
  type Block,
  chooseForm,
  type Design,
  type DesignRequest,
  harmDesign,
  incrementsOf,
  safetyDesign,
} from "../../statistics/index.ts";
import type { Cohort } from "../cohort.ts";
import { badOf, type ParityRule, type ShareRule } from "../rule.ts";
import { type Hypothesis, incrementsAt } from "./hypothesis.ts";

/** The share of bad answers that is assumed where stable was never seen: any value is valid, a good one is faster. */
const UNKNOWN_SHARE = 0.05;

/** Bad outcomes as a share of all, or, of a count, for each observation. */
export function shareHypothesis(
  rule: ShareRule | ParityRule,
  frozen: FrozenWindow | undefined,
  forHarm = harmDesign,
): Hypothesis & { readonly design: Design } {
  const { harm, safety, grain } = shareDesigns(rule, frozen, forHarm);
  const [ofHarm, ofSafety] = [incrementsOf(harm), incrementsOf(safety)];
  return {
    method: harm.form,
    compares: harm.null.ratio > 0 || safety.null.ratio > 0,
    harm,
    safety,
    harmOf: (cohort) => incrementsAt(ofHarm, blockOf(rule, cohort, grain)),
    safetyOf: (cohort) => incrementsAt(ofSafety, blockOf(rule, cohort, grain)),
    possible: possibleOf(rule.signal),
    shown: ({ k }) => ({ k }),
    design: harm,
  };
}

/**
 * The designs of one rule, for reports and for recomputing a decision. A count may be larger than the number of
 * observations: each observation is then `grain` chances for one occurrence, which for a Poisson count changes nothing.
 */
export function shareDesigns(
  rule: ShareRule | ParityRule,
  frozen: FrozenWindow | undefined,
  forHarm = harmDesign,
): { readonly harm: Design; readonly safety: Design; readonly grain: number } {
  const forecast = forecastOf(rule, frozen);
  const grain = rule.signal.kind === "count" ? grainOf(rule, forecast) : 1;
  const fine = ({ ratio, points }: DesignRequest["null"]) => ({ ratio, points: points / grain });
  const form = chooseForm(forecast / grain, fine(rule.null));
  return {
    harm: forHarm({ form, null: fine(rule.harmNull ?? rule.null), forecast: forecast / grain }),
    safety: safetyDesign({ form, null: fine(rule.null), forecast: forecast / grain }),
    grain,
  };
}

/** So many chances an observation that an occurrence is rare at each, also at a hundred times the line. */
function grainOf({ null: { ratio, points }, harmNull }: ShareRule | ParityRule, forecast: number): number {
  const line = Math.max(ratio * forecast + points, harmNull?.points ?? 0, forecast);
  return 100 * Math.ceil(Math.max(1, line));
}

function blockOf(rule: ShareRule | ParityRule, { candidate, reference }: Cohort, grain: number): Block {
  const n1 = candidate.n * grain;
  const n0 = reference.n * grain;
  return { n1, k1: within(badOf(rule, candidate), n1), n0, k0: within(badOf(rule, reference), n0) };
}

function within(k: number, n: number): number {
  return Math.min(Math.max(k, 0), n);
}

/**
 * Can this be? Units that turn bad after they were counted come as corrections, and what the gateway counted gets its
 * outcome later: only the sum of these has to be true.
 */
function possibleOf(signal: ShareRule["signal"]): (sample: Sample) => boolean {
  const { kind, per, labels } = signal;
  const whole = ({ n, k }: Sample) => Number.isSafeInteger(n) && Number.isSafeInteger(k) && n >= 0;
  if (per !== undefined) return whole;
  return kind === "count" || (labels !== undefined && isReportedLater(signal))
    ? (sample) => whole(sample) && sample.k >= 0
    : (sample) => whole(sample) && sample.k >= 0 && sample.k <= sample.n;
}

/** Stable's own bad share before the release; predictable, so any value keeps the guarantee. */
function forecastOf(rule: ShareRule | ParityRule, frozen: FrozenWindow | undefined): number {
  if (!frozen || frozen.n === 0) return UNKNOWN_SHARE;
  const share = (badOf(rule, frozen) + 0.5) / (frozen.n + 1);
  return rule.signal.kind === "count" ? Math.max(share, 1e-6) : share;
}
