import { valueDesign } from "./asymptotic-mean.ts";
import type { Design } from "./design.ts";
import { type MeanDesign, meanIncrements } from "./mean-betting.ts";
import { projectedFactor } from "./projection.ts";
import { tiltFactor } from "./tilt.ts";
import { countValue, emptyValues } from "./value-counts.ts";

/**
 * Evidence at a constant share of the traffic: ln of alternative j's factor after `n` candidate observations, `k1` of them
 * bad, beside which `k0` bad ones of the reference were seen, is `n each[j] + k1 bad[j] + k0 reference[j]`.
 */
export interface LinearEvidence {
  readonly logWeight: readonly number[];
  readonly each: readonly number[];
  readonly bad: readonly number[];
  readonly reference: readonly number[];
  /** Reference observations for each of the candidate's; 0 where nothing is compared. */
  readonly beside: number;
}

/**
 * The evidence of a test of shares, in any form. It leaves out what `increments` does to blocks whose reference is
 * surprisingly bad, which only lowers evidence, and seldom.
 * @param share the candidate's share of all observations, in (0, 1); any where the null needs no reference
 * @throws RangeError for another share
 */
export function linearEvidence(design: Design, share: number): LinearEvidence {
  const beside = besideOf(design.null.ratio, share);
  const factor = design.form === "poisson-tilt" ? tiltFactor : projectedFactor;
  const at = (rate: number, k1: number, k0: number) =>
    factor(design.null, design.baseline, rate, { n1: 1, k1, n0: beside, k0 });
  const rates = design.alternatives.map(({ rate }) => rate);
  return {
    logWeight: design.alternatives.map(({ weight }) => Math.log(weight)),
    each: rates.map((rate) => at(rate, 0, 0)),
    bad: rates.map((rate) => at(rate, 1, 0) - at(rate, 0, 0)),
    reference: rates.map((rate) => (beside === 0 ? 0 : at(rate, 0, 1) - at(rate, 0, 0))),
    beside,
  };
}

/** So many candidate observations stand for a block of any size, and so many cells for any score. */
const MANY = 1e6;
const CELLS = 1024;

/** How scores are spread: a part of them lies at the two ends of their scale, the others at the mean of their side. */
export interface ScoreSpread {
  /** The part at the ends, in (0, 1]. */
  readonly ends: number;
  /** The candidate's mean and the reference's. */
  readonly p1: number;
  readonly p0: number;
}

/**
 * The evidence of a test of a mean, in observations at the ends of the scale, of which there is one in `1 / ends`. A bad
 * observation is one at the worse end.
 * @throws RangeError as `linearEvidence` does
 */
export function linearMeanEvidence(design: MeanDesign, share: number, { ends, p1, p0 }: ScoreSpread): LinearEvidence {
  const beside = besideOf(design.null.ratio, share);
  const scores = (n: number, bad: number, mean: number) => {
    const counts = emptyValues(CELLS);
    countValue(counts, mean);
    for (let i = 0; i <= CELLS; i++) counts[i]! *= n * (1 - ends);
    counts[0]! += n * ends - bad;
    counts[CELLS]! += bad;
    return counts;
  };
  const [all, usual] = [ends * MANY, p0 * ends * beside * MANY];
  const at = (k1: number, k0: number) =>
    meanIncrements(design, { candidate: scores(MANY, k1, p1), reference: scores(beside * MANY, k0, p0) });
  const [good, worst, fewer] = [at(0, usual), at(all, usual), at(0, Math.max(0, usual - 1))];
  const reference = Array.from(good, (log, j) => log - fewer[j]!);
  return {
    logWeight: design.alternatives.map(({ weight }) => Math.log(weight)),
    each: Array.from(good, (log, j) => (log - usual * reference[j]!) / all),
    bad: Array.from(good, (log, j) => (worst[j]! - log) / all),
    reference,
    beside,
  };
}

/**
 * The evidence about a mean without ends (`valueDesign`), of values that lie one standard deviation above (bad) or below their
 * mean: at a rate of 0.5 they have it. Reckons with the spread that the values have, as after a long window.
 * @param line the margin, in standard deviations
 */
export function linearValueEvidence(direction: "harm" | "safety", line: number, share: number): LinearEvidence {
  const beside = besideOf(1, share);
  const { alternatives } = valueDesign({
    direction,
    compares: true,
    line,
    before: [
      [-1, MANY],
      [1, MANY],
    ],
  });
  const sign = direction === "harm" ? 1 : -1;
  const stakes = alternatives.map(({ bet }) => sign * bet * (1 - share));
  return {
    logWeight: alternatives.map(({ weight }) => Math.log(weight)),
    each: alternatives.map(({ bet, spread }, j) => -stakes[j]! * line - ((1 - share) * bet * bet * spread) / 2),
    bad: stakes.map((stake) => 2 * stake),
    reference: stakes.map((stake) => (-2 * stake) / beside),
    beside,
  };
}

function besideOf(ratio: number, share: number): number {
  if (ratio === 0) return 0;
  if (!(share > 0 && share < 1)) throw new RangeError(`A comparison needs a share in (0, 1), not ${share}.`);
  return (1 - share) / share;
}

/** By how much ln of each alternative's factor grows with a candidate observation, on average, at these true rates. */
export function growthOf({ each, bad, reference, beside }: LinearEvidence, p1: number, p0: number): readonly number[] {
  return each.map((start, j) => start + p1 * bad[j]! + beside * p0 * reference[j]!);
}

const STEEPEST = 64;

/**
 * The chance that a test at ln-threshold `log` ever raises a false alarm is at most `exp(-log * tailExponent)` when the
 * true rates are these and lie inside the null. It holds for the mixture and for all later starts too: E[factor^s] <= 1 makes
 * the s-th power of every start's e-value a supermartingale, hence of their mean as well, as x^s is convex for s >= 1. At the
 * edge of the null it is 1, which is Ville's inequality.
 */
export function tailExponent(evidence: LinearEvidence, p1: number, p0: number): number {
  const { each, bad, reference, beside } = evidence;
  const mgf = (p: number, x: number) => Math.log1p(p * Math.expm1(x));
  const grows = (s: number) =>
    each.some((drift, j) => s * drift + mgf(p1, s * bad[j]!) + beside * mgf(p0, s * reference[j]!) > 0);
  let [holds, fails] = [1, STEEPEST];
  if (!grows(fails)) return fails;
  for (let round = 0; round < 50; round++) {
    const middle = (holds + fails) / 2;
    if (grows(middle)) fails = middle;
    else holds = middle;
  }
  return holds;
}
