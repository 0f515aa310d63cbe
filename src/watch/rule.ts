import type { Signal } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";

/** The null hypothesis "no harm": bad share of the candidate <= ratio * bad share of the reference + points. */
export interface HarmNull {
  readonly ratio: number;
  readonly points: number;
}

/** A trigger or a fixed criterion, compiled: what is bad, and how much of it is still acceptable. */
export interface Rule {
  readonly name: string;
  readonly signal: Signal;
  /** The claim as a sentence, for people: "losses rise by more than 60 %". */
  readonly claim: string;
  /** The line between safe and harmful. */
  readonly null: HarmNull;
  /** A worse line for the proof of harm, where the reference is known only within an interval. */
  readonly harmNull?: HarmNull;
  /** Which side of the share is the bad one. */
  readonly badIs: "part" | "rest";
}

/** How many of a sample's observations are bad in the eyes of a rule. */
export function badOf(rule: Pick<Rule, "badIs">, counts: Pick<Sample, "n" | "k">): number {
  return rule.badIs === "part" ? counts.k : counts.n - counts.k;
}
