/** Sums of one bucket of time of both arms: values as badness, greater is worse, cut at the design's ends. */
export interface ValueBlock {
  readonly n1: number;
  readonly sum1: number;
  readonly n0: number;
  readonly sum0: number;
}

/** A test of a mean of which no ends are known, fixed before the first observation; plain JSON. */
export interface ValueDesign {
  readonly form: "asymptotic-mean";
  /** `harm` tests "the candidate's mean <= the reference's + line", `safety` the opposite. */
  readonly direction: "harm" | "safety";
  /** Without a reference the line is the candidate's own. */
  readonly compares: boolean;
  readonly line: number;
  /** Values count as the nearer of these, where they lie beyond. */
  readonly least: number;
  readonly greatest: number;
  readonly alternatives: readonly ValueAlternative[];
}

export interface ValueAlternative {
  /** What is staked on each unit of badness. */
  readonly bet: number;
  /** A bound of the variance that holds for the exponentials of this bet too. */
  readonly spread: number;
  readonly weight: number;
  readonly atMarks: number;
  readonly between: number;
}

export interface ValueRequest {
  readonly direction: "harm" | "safety";
  readonly compares: boolean;
  readonly line: number;
  /** How the reference's values were spread before, as badness: value and count. */
  readonly before: readonly (readonly [value: number, count: number])[];
}

/** What is known of values: how many, their mean and their standard deviation. */
export interface Spread {
  readonly n: number;
  readonly mean: number;
  readonly deviation: number;
}

const BETS = 12;
/** The effects that are looked for, in standard deviations. */
const EFFECTS = [0.02, 1.2] as const;
/** Values are cut so many standard deviations beyond mean and line, or at the reference's farthest if that is farther. */
const REACH = 6;
/** The spread is known from a sample: so many of its standard errors are added to it. */
const ERRORS = 2;
/** A bet's exponentials are bounded at so many points on each side of 0. */
const POINTS = 4;

/**
 * Evidence about a mean without ends: raw revenue, cost for each order. It is the normal mixture that asymptotic confidence
 * sequences are made of (Robbins 1970; Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Annals of Statistics 2024), over a
 * grid of effects, with one change: the spread is not that of the data at hand, but that of the reference before the release.
 * So nothing that a candidate does can widen it: one terrible outcome speaks for harm, and cannot hide the others. Where
 * values are skewed, the variance is replaced for each bet by the least one whose normal law bounds the exponentials of the
 * values seen before, and two standard errors are added. What remains is approximate: the candidate's values, and the
 * reference's now, must be spread as the reference's were.
 * @throws RangeError for fewer than two values before, or ones that are all alike
 */
export function valueDesign({ direction, compares, line, before }: ValueRequest): ValueDesign {
  const { n, mean, deviation } = spreadOf(before);
  if (!(n >= 2 && deviation > 0)) throw new RangeError("Values that do not differ have no spread.");
  const values = before.map(([value]) => value);
  const border = compares ? mean + line : line;
  const high = Math.max(border, mean) + REACH * deviation;
  const low = Math.min(border, mean) - REACH * deviation;
  const square = before.reduce((sum, [value, count]) => sum + count * (value - mean) ** 4, 0) / n / deviation ** 4;
  const error = 1 + ERRORS * Math.sqrt(Math.max(0, square - 1) / n);
  const weight = 1 / BETS;
  return {
    form: "asymptotic-mean",
    direction,
    compares,
    line,
    least: Math.min(low, ...values),
    greatest: Math.max(high, ...values),
    alternatives: Array.from({ length: BETS }, (_, index) => {
      const bet = (EFFECTS[0] * (EFFECTS[1] / EFFECTS[0]) ** (index / (BETS - 1))) / deviation;
      return { bet, spread: error * boundingVariance(before, mean, bet), weight, atMarks: weight, between: weight };
    }),
  };
}

export function spreadOf(values: readonly (readonly [value: number, count: number])[]): Spread {
  const n = values.reduce((sum, [, count]) => sum + count, 0);
  const mean = values.reduce((sum, [value, count]) => sum + value * count, 0) / n;
  const square = values.reduce((sum, [value, count]) => sum + count * (value - mean) ** 2, 0);
  return { n, mean, deviation: Math.sqrt(square / Math.max(1, n - 1)) };
}

/** The least v with E exp(x (Y - mean)) <= exp(v x^2 / 2) for all |x| <= bet, as far as it was looked at. */
function boundingVariance(values: ValueRequest["before"], mean: number, bet: number): number {
  const n = values.reduce((sum, [, count]) => sum + count, 0);
  let most = 0;
  for (let point = -POINTS; point <= POINTS; point++) {
    if (point === 0) continue;
    const x = (point / POINTS) * bet;
    // E (exp(xY) - 1 - xY) loses nothing to rounding where x is small.
    const more = values.reduce((sum, [value, count]) => {
      const step = x * (value - mean);
      return sum + count * (Math.expm1(step) - step);
    }, 0);
    most = Math.max(most, (2 * Math.log1p(more / n)) / (x * x));
  }
  return most;
}

/**
 * ln of the block's factor for each bet b of spread v: `h (b d - b^2 v / 2)`, where d is how much worse the candidate's mean
 * is than the line, and h = n1 n0 / (n1 + n0), which weighs each arm by the other's share (n1 without a reference). For
 * safety b is negative.
 *
 * A worse outcome of the candidate never lowers harm and never raises safety. Nor does one more of the worst that there are:
 * as they are added, h d goes along a straight line in n1 / (n1 + n0) towards n0 times the worst d, so the lesser of both
 * ends is taken where the line falls, which only a reference that is itself at the worst end brings about; and safety is
 * then no evidence.
 */
export function valueIncrements(design: ValueDesign, { n1, sum1, n0, sum0 }: ValueBlock): Float64Array {
  const out = new Float64Array(design.alternatives.length);
  if (design.compares && n0 === 0) return out;
  const border = design.compares ? sum0 / n0 + design.line : design.line;
  const weight = design.compares ? (n1 * n0) / (n1 + n0) : n1;
  const most = design.compares ? n0 : Number.POSITIVE_INFINITY;
  const apart = n1 === 0 ? 0 : sum1 / n1 - border;
  const sign = design.direction === "harm" ? 1 : -1;
  for (const [j, { bet, spread }] of design.alternatives.entries()) {
    const cost = (bet * bet * spread) / 2;
    const log = weight === 0 ? 0 : weight * (sign * bet * apart - cost);
    const worst = sign * bet * (design.greatest - border) - cost;
    if (sign > 0) out[j] = worst < 0 ? Math.min(log, most * worst) : log;
    else out[j] = worst > 0 ? 0 : log;
  }
  return out;
}
