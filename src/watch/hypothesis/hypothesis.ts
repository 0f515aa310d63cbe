import type { Sample } from "../../core/sample.ts";
import type { Method } from "../../core/verdict.ts";
import type { Block, Design, Increments, StartDesign, Weighed } from "../../statistics/index.ts";
import type { Arm, Cohort } from "../cohort.ts";

/** One rule as a pair of tests, for harm and for safety, fixed before the first outcome of the candidate. */
export interface Hypothesis {
  readonly harm: StartDesign & Weighed;
  /** The design of `harm`, of a share. */
  readonly design?: Design;
  readonly safety: Weighed;
  readonly test: RuleTest;
}

/** What is needed of a hypothesis once its evidence has begun: designs are large, and there are very many. */
export interface RuleTest {
  readonly method: Method;
  /** The rule compares the candidate with a reference; else with a line. */
  readonly compares: boolean;
  /** ln of a cohort's e-value for each alternative of `harm`, and of `safety`; valid until either is called again. */
  harmOf(cohort: Cohort): ArrayLike<number>;
  safetyOf(cohort: Cohort): ArrayLike<number>;
  /** Can the counts of a sample be? Anything else is a fault of the instrument. */
  possible(sample: Sample): boolean;
  /** What people are shown of one side's counts. */
  shown(arm: Arm): { readonly k: number; readonly mean?: number };
  /** Nothing is decided before so many observations of the candidate, and of a reference where it compares. */
  readonly least?: number;
  /** What its promise rests on, where that is more than the default evidence needs, as people read it. */
  readonly assumes?: string;
  /** Of a time: slow is what takes longer than this many seconds. */
  readonly threshold?: number;
}

/** No test has more alternatives. */
const MOST = 32;
/** Where the increments of a cohort are written: they are added up before the next ones are asked for. */
const written = new Float64Array(MOST);

/** The increments of a block, where they are written. */
export function incrementsAt(increments: Increments, block: Block): ArrayLike<number> {
  increments.write(block, written);
  return written;
}

/** Are there too few observations to decide anything? More of them never make it early again. */
export function isEarly(
  { least = 0, compares }: RuleTest,
  sums: { readonly candidate: Arm; readonly reference: Arm },
): boolean {
  return sums.candidate.n < least || (compares && sums.reference.n < least);
}
