import type { Sample } from "../../core/sample.ts";
import type { Method } from "../../core/verdict.ts";
import type { Block, Design, Increments, StartDesign, Weighed } from "../../statistics/index.ts";
import type { Arm, Cohort } from "../cohort.ts";

/** One rule as a pair of tests, for harm and for safety, fixed before the first outcome of the candidate. */
export interface Hypothesis {
  readonly harm: StartDesign & Weighed;
  /** The design of `harm`, of a share. */
  readonly design?: Design;
  readonly safety: SafetyDesign;
  readonly test: RuleTest;
}

/** Safety of several claims is that of each of them. */
export interface SafetyDesign extends Weighed {
  /** How many of the alternatives belong to each claim, in their order; all of them to one, unless said. */
  readonly claims?: readonly number[];
}

/** One quantile of a rule about several. */
export interface TimeLine {
  readonly quantile: number;
  /** Slow is what takes longer than this many seconds. */
  readonly threshold: number;
  shown(arm: Arm): { readonly k: number };
  /** So many alternatives of `harm` are about it. */
  readonly alternatives: number;
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
  /** Of a time at several quantiles: each of them, and the one that speaks most for harm by these counts. */
  readonly lines?: readonly TimeLine[];
  loudest?(sums: Pick<Cohort, "candidate" | "reference">): TimeLine;
}

/** No test has more alternatives: five quantiles with those of safety. */
const MOST = 80;
/** Where the increments of a cohort are written: they are added up before the next ones are asked for. */
const written = new Float64Array(MOST);
/** The same from each place on. */
const rooms = Array.from(written, (_, place) => written.subarray(place));

/** The increments of a block, where they are written; behind so many others. */
export function incrementsAt(increments: Increments, block: Block, place = 0): ArrayLike<number> {
  increments.write(block, rooms[place]!);
  return written;
}

/** Are there too few observations to decide anything? More of them never make it early again. */
export function isEarly(
  { least = 0, compares }: RuleTest,
  sums: { readonly candidate: Arm; readonly reference: Arm },
): boolean {
  return sums.candidate.n < least || (compares && sums.reference.n < least);
}
