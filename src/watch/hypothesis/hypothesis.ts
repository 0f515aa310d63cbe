import type { Sample } from "../../core/sample.ts";
import type { Method } from "../../core/verdict.ts";
import type { StartDesign, Weighed } from "../../statistics/index.ts";
import type { Arm, Cohort } from "../cohort.ts";

/** One rule as a pair of tests, for harm and for safety, fixed before the first outcome of the candidate. */
export interface Hypothesis {
  readonly method: Method;
  /** The rule compares the candidate with a reference; else with a line. */
  readonly compares: boolean;
  readonly harm: StartDesign & Weighed;
  readonly safety: Weighed;
  /** ln of a cohort's e-value for each alternative of `harm`, and of `safety`. */
  harmOf(cohort: Cohort): ArrayLike<number>;
  safetyOf(cohort: Cohort): ArrayLike<number>;
  /** Can the counts of a sample be? Anything else is a fault of the instrument. */
  possible(sample: Sample): boolean;
  /** What people are shown of one side's counts. */
  shown(arm: Arm): { readonly k: number; readonly mean?: number };
  /** Of a time: slow is what takes longer than this many seconds. */
  readonly threshold?: number;
}
