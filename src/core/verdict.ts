import type { ReleaseId } from "./release.ts";
import type { Instant } from "./time.ts";

/** The five verdicts, never folded into one another. */
export type VerdictKind = "healthy" | "harmful" | "inconclusive" | "no-data" | "instrument-error";

export interface Verdict {
  readonly kind: VerdictKind;
  readonly at: Instant;
  /** The triggers and hard limits that speak for harm; empty unless `harmful`. */
  readonly because: readonly string[];
  /** ln of the weighted mean of the triggers' e-values, against ln(1/alpha). */
  readonly logEvidence: number;
  readonly logThreshold: number;
  readonly findings: readonly Finding[];
}

/** What one trigger, hard limit or fixed criterion says, and the numbers that it rests on. */
export interface Finding {
  readonly name: string;
  readonly signal: string;
  readonly kind: VerdictKind;
  readonly claim: string;
  readonly method: Method;
  readonly candidate: Tally;
  readonly reference: Tally;
  /** ln e-value for harm, and for safety (the opposite null). */
  readonly logHarm: number;
  readonly logSafe: number;
  /** Doubts about the instrument, as sentences: they block forward, never back. */
  readonly doubts?: readonly string[];
  /** Of a time: slow is what takes longer than this many seconds. */
  readonly threshold?: number;
  /** Of a time at several quantiles: the one that speaks most for harm, of whose line `threshold` and the tallies are. */
  readonly quantile?: number;
  /** What its promise rests on, where that is more than the default evidence needs, as people read it. */
  readonly assumes?: string;
  /** Of a claim about segments: those that prove harm by themselves, else the loudest if it is louder than the whole. */
  readonly segments?: readonly SegmentFinding[];
}

/** One segment's part in a finding. */
export interface SegmentFinding {
  readonly group: string;
  readonly candidate: Tally;
  readonly reference: Tally;
  /** ln of its own e-value. */
  readonly logHarm: number;
  /** Its evidence is enough by itself, its part of the budget reckoned in. */
  readonly failed: boolean;
}

export type Method =
  | "poisson-tilt"
  | "projected-bernoulli"
  | "mean-betting"
  | "asymptotic-mean"
  | "exceedance"
  | "disparity"
  | "hard-limit"
  | "run-length"
  | "sample-ratio"
  | "policy";

/** Counts with the release that they belong to; `k` of `n` as the signal names them. */
export interface Tally {
  readonly release: ReleaseId | "frozen-window";
  readonly n: number;
  readonly k: number;
  /** Of a signal of values: their mean, on the signal's own scale. */
  readonly mean?: number;
  /** The group that the counts are of. */
  readonly group?: string;
}
