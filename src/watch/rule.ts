import type { Margin, Signal } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import type { Milliseconds } from "../core/time.ts";

/** The null hypothesis "no harm": badness of the candidate <= ratio * badness of the reference + points. */
export interface HarmNull {
  readonly ratio: number;
  readonly points: number;
}

interface RuleHead {
  readonly name: string;
  readonly signal: Signal;
  /** The claim as a sentence, for people: "losses rise by more than 60 %". */
  readonly claim: string;
  /** Only what was served within this span counts: "within 10 minutes". */
  readonly within?: Milliseconds;
  /** The label of segments: the claim is made of the whole and of each of them. */
  readonly inAny?: string;
  /** No reference serves beside it: what is taken from the frozen window is wrong with this probability, each way. */
  readonly alone?: number;
}

interface Compared extends RuleHead {
  /** The line between safe and harmful. */
  readonly null: HarmNull;
  /** A worse line for the proof of harm, where the reference is known only within an interval. */
  readonly harmNull?: HarmNull;
}

/** A share of bad outcomes, or how many there are for each observation. */
export interface ShareRule extends Compared {
  readonly test: "share";
  /** Which side of the share is the bad one. */
  readonly badIs: "part" | "rest";
  /** The threshold of the first start is found by dynamic programming, for this constant share of the candidate. */
  readonly calibrated?: { readonly share: number };
}

/** A mean; its badness is 0 at the signal's best value and 1 at its worst. */
export interface MeanRule extends Compared {
  readonly test: "mean";
}

/** A mean of values without ends, which gets worse by more than a margin; a percentage is one of stable's mean before. */
export interface AverageRule extends RuleHead {
  readonly test: "average";
  readonly by: Margin;
}

/** A quantile of a time that grows by more than `by`; without one, any of `TIME_QUANTILES`. */
export interface TimeRule extends RuleHead {
  readonly test: "time";
  readonly quantile?: number;
  readonly by: number;
}

/** Groups of the candidate's own traffic that are treated differently. */
export interface ParityRule extends Compared {
  readonly test: "parity";
  readonly badIs: "part" | "rest";
  readonly across: string;
}

/** A trigger or a fixed criterion, compiled: what is bad, and how much of it is still acceptable. */
export type Rule = ShareRule | MeanRule | AverageRule | TimeRule | ParityRule;

/** A rule about one population, or about each of the segments of one. */
export type SegmentedRule = Exclude<Rule, ParityRule> & { readonly inAny: string };

export function isSegmented(rule: Rule): rule is SegmentedRule {
  return rule.test !== "parity" && rule.inAny !== undefined;
}

/** How many of a sample's observations are bad in the eyes of a rule. */
export function badOf(rule: { readonly badIs: "part" | "rest" }, counts: Pick<Sample, "n" | "k">): number {
  return rule.badIs === "part" ? counts.k : counts.n - counts.k;
}
