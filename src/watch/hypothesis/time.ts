import { bucketOf, LAST_BUCKET, upperEdge } from "../../core/cells.ts";
import { TIME_QUANTILES } from "../../core/playbook.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";
import {
  type Block,
  chooseForm,
  createLogHistogram,
  type Design,
  type DesignRequest,
  harmDesign,
  type Increments,
  incrementsOf,
  type LogHistogram,
  logMixture,
  logWeightsOf,
  NumberShelf,
  quantileBounds,
  safetyDesign,
} from "../../statistics/index.ts";
import type { Arm, Cohort } from "../cohort.ts";
import type { TimeRule } from "../rule.ts";
import { type Hypothesis, incrementsAt, type TimeLine } from "./hypothesis.ts";

/** How sure the bounds of a quantile are that only its middle is taken of. */
const ANY = 0.05;

/**
 * "The p95 grows by more than 20 %" is a statement about shares: slow is what takes longer than 1.2 times stable's own p95,
 * frozen before the release; of stable a share s was slow (less than 5 %), and harm is that the candidate has more slow
 * ones than stable has at the same time, by more than 5 % - s. So it holds for any distribution, outliers weigh no more
 * than their number, and a slow hour of both is no harm. Without a stable beside it, harm is that more than 5 % take longer
 * than 1.2 times the upper bound of the frozen quantile. Without a frozen window there is no line: undefined.
 *
 * A rule that names no quantile makes this claim of each of five. Evidence of harm is the mean of their e-values, which is
 * one while all five hold, whatever depends on what (Vovk and Wang 2021); safe is what is proved of each, at the full level,
 * since all must be (Berger 1982); and without a stable each has a fifth of the error of the frozen quantiles.
 */
export function timeHypothesis(
  rule: TimeRule,
  frozen: FrozenWindow | undefined,
  harmOf = harmDesign,
  shelf = new NumberShelf(),
): Hypothesis | undefined {
  if (!frozen?.cells || frozen.n === 0) return undefined;
  const before = createLogHistogram(frozen.cells);
  const quantiles = rule.quantile === undefined ? TIME_QUANTILES : [rule.quantile];
  const error = rule.alone === undefined ? ANY : rule.alone / quantiles.length;
  const claims = quantiles.map((quantile) => claimAt(rule, quantile, before, error, harmOf));
  const ofHarm = claims.map(({ harm }) => lineTest(harm, shelf));
  const ofSafety = claims.map(({ safety }) => lineTest(safety, shelf));
  const lines = claims.map(({ quantile, harm }) => lineOf(quantile, harm));
  const one = claims.length === 1 ? claims[0] : undefined;
  return {
    harm: one ? one.harm.design : meanOfAll(claims.map(({ harm }) => harm.design)),
    safety: one ? one.safety.design : eachOf(claims.map(({ safety }) => safety.design)),
    test: {
      method: "exceedance",
      compares: rule.alone === undefined,
      harmOf: (cohort) => writtenAt(ofHarm, cohort),
      safetyOf: (cohort) => writtenAt(ofSafety, cohort),
      possible: isTimed,
      shown: lines[0]!.shown,
      ...(one
        ? { threshold: lines[0]!.threshold }
        : { lines, loudest: (sums) => lines[loudestOf(claims, ofHarm, sums)]! }),
    },
  };
}

/** Slow is what lies in a later bucket than `threshold`. */
interface Exceedance {
  readonly threshold: number;
  readonly design: Design;
}

interface Claim {
  readonly quantile: number;
  readonly harm: Exceedance;
  readonly safety: Exceedance;
}

function claimAt(
  rule: TimeRule,
  quantile: number,
  before: LogHistogram,
  error: number,
  harmOf: typeof harmDesign,
): Claim {
  const bounds = quantileBounds(before, quantile, error);
  const [forHarm, forSafety] =
    rule.alone === undefined ? [bounds.estimate, bounds.estimate] : [bounds.high, bounds.low];
  return {
    quantile,
    harm: exceedance(rule, quantile, before, forHarm, harmOf),
    safety: exceedance(rule, quantile, before, forSafety, safetyDesign),
  };
}

function exceedance(
  { by, alone }: TimeRule,
  quantile: number,
  before: LogHistogram,
  value: number,
  designOf: (request: DesignRequest) => Design,
): Exceedance {
  const threshold = bucketOf(value * (1 + by));
  const slow = before.above(threshold) / before.total;
  const hypothesis =
    alone === undefined ? { ratio: 1, points: Math.max(0, 1 - quantile - slow) } : { ratio: 0, points: 1 - quantile };
  return { threshold, design: designOf({ form: chooseForm(slow, hypothesis), null: hypothesis, forecast: slow }) };
}

/** The mixture over the alternatives of all, in their order: it has the same share of each. */
function meanOfAll(designs: readonly Design[]): Hypothesis["harm"] {
  const part = (weight: number) => weight / designs.length;
  const alternatives = designs.flatMap((design) =>
    design.alternatives.map(({ weight, atMarks, between }) => {
      return { weight: part(weight), atMarks: part(atMarks), between: part(between) };
    }),
  );
  return { alternatives };
}

function eachOf(designs: readonly Design[]): Hypothesis["safety"] {
  const alternatives = designs.flatMap((design) => design.alternatives.map(({ weight }) => ({ weight })));
  return { alternatives, claims: designs.map((design) => design.alternatives.length) };
}

interface LineTest {
  readonly threshold: number;
  readonly increments: Increments;
  readonly size: number;
}

function lineTest({ threshold, design }: Exceedance, shelf: NumberShelf): LineTest {
  return { threshold, increments: incrementsOf(design, shelf), size: design.alternatives.length };
}

function writtenAt(tests: readonly LineTest[], cohort: Pick<Cohort, "candidate" | "reference">): ArrayLike<number> {
  const [first, ...others] = tests;
  const written = incrementsAt(first!.increments, blockOf(cohort, first!.threshold));
  let place = first!.size;
  for (const { threshold, increments, size } of others) {
    incrementsAt(increments, blockOf(cohort, threshold), place);
    place += size;
  }
  return written;
}

function lineOf(quantile: number, { threshold, design }: Exceedance): TimeLine {
  return {
    quantile,
    threshold: upperEdge(threshold),
    shown: (arm) => ({ k: slowOf(arm, threshold) }),
    alternatives: design.alternatives.length,
  };
}

/** The line that speaks most for harm over all counts together; the first of equals. */
function loudestOf(
  claims: readonly Claim[],
  tests: readonly LineTest[],
  sums: Pick<Cohort, "candidate" | "reference">,
): number {
  const all = writtenAt(tests, sums);
  let [loudest, most, place] = [0, Number.NEGATIVE_INFINITY, 0];
  for (const [index, { harm }] of claims.entries()) {
    const log = logMixture(logWeightsOf(harm.design), all, place);
    if (log > most) [loudest, most] = [index, log];
    place += harm.design.alternatives.length;
  }
  return loudest;
}

function blockOf({ candidate, reference }: Pick<Cohort, "candidate" | "reference">, threshold: number): Block {
  return { n1: candidate.n, k1: slowOf(candidate, threshold), n0: reference.n, k0: slowOf(reference, threshold) };
}

function slowOf({ cells }: Arm, threshold: number): number {
  let slow = 0;
  for (const [cell, count] of cells ?? []) if (cell > threshold) slow += count;
  return slow;
}

function isTimed({ n, cells = [] }: Sample): boolean {
  const sound = ([cell, count]: readonly [number, number]) =>
    Number.isSafeInteger(cell) && cell >= 0 && cell <= LAST_BUCKET && Number.isSafeInteger(count) && count >= 0;
  return Number.isSafeInteger(n) && cells.every(sound) && cells.reduce((sum, [, count]) => sum + count, 0) === n;
}
