import type { MarginNull } from "./block.ts";
import { summarise, type ValueCounts } from "./value-counts.ts";

/** Scores of one bucket of time in [0, 1], 0 the best and 1 the worst: both arms over the same values. */
export interface ScoreBlock {
  readonly candidate: ValueCounts;
  readonly reference: ValueCounts;
}

/** A test of a mean, fixed before the first observation; plain JSON. */
export interface MeanDesign {
  readonly form: "mean-betting";
  /** `harm` tests "mean of the candidate <= ratio * mean of the reference + points", `safety` the opposite. */
  readonly direction: "harm" | "safety";
  readonly null: MarginNull;
  /** The reference's mean, as it is expected: a wrong one costs power, never validity. */
  readonly forecast: number;
  /** Each stakes this part of what may be lost on one observation. */
  readonly alternatives: readonly MeanAlternative[];
}

export interface MeanAlternative {
  readonly bet: number;
  readonly weight: number;
  readonly atMarks: number;
  readonly between: number;
}

export interface MeanRequest {
  readonly direction: "harm" | "safety";
  readonly null: MarginNull;
  readonly forecast: number;
}

/** Lines nearer to the ends of the scale than this are not to be tested. */
export const MEAN_EDGE = 1e-3;

const BETS = 8;
/** A bet may lose at most this part of the stake on one observation of either arm. */
const STAKE = 0.9;
/**
 * On the reference's side at most this part, where it carries as many candidates as it can. Near 1, a reference whose scores
 * lie at both ends would lose nearly all there, and `referencePart` would have to give up all evidence for it.
 */
const CARRIED = 0.35;

/**
 * Evidence about a bounded mean without a model of its spread: sentiment, judge scores, capped revenue. Bets are
 * log-spaced; the mixture over them grows as fast as the best, less a constant.
 * @throws RangeError for a null that nothing can violate, or a forecast outside [0, 1].
 */
export function meanDesign({ direction, null: hypothesis, forecast }: MeanRequest): MeanDesign {
  const { ratio, points } = hypothesis;
  const line = ratio * forecast + points;
  if (!(forecast >= 0 && forecast <= 1)) throw new RangeError(`A forecast is a mean in [0, 1], not ${forecast}.`);
  if (!(ratio >= 0 && points > -1 && points < 1 && line > 0 && line < 1)) {
    throw new RangeError(`No test exists for a mean at ${ratio} * ${forecast} + ${points}.`);
  }
  // Beyond 12 times a rare line nothing is gained, and near 0 the stake would know no bound.
  const most = direction === "harm" ? Math.min(STAKE / line, 12) : STAKE / (1 - line);
  const weight = 1 / BETS;
  const alternatives = Array.from({ length: BETS }, (_, index) =>
    Object.freeze({ bet: most * 25 ** (index / (BETS - 1) - 1), weight, atMarks: weight, between: weight }),
  );
  return Object.freeze({
    form: "mean-betting",
    direction,
    null: Object.freeze({ ratio, points }),
    forecast,
    alternatives: Object.freeze(alternatives),
  });
}

/**
 * ln of the block's e-value for each bet: `sum ln(1 + g (y - line))` over the candidate and
 * `sum ln(1 - g ratio (n1/n0) (y - forecast))` over the reference, with the signs turned for safety. Whatever the
 * distributions are, and however they vary within the block, the expectation is at most
 * `exp(g n1 (mean1 - ratio mean0 - points))` because 1 + x <= e^x: at most 1 on the whole null (betting: Waudby-Smith and
 * Ramdas, J. R. Stat. Soc. B 2024; two samples as in Turner, Ly and Gruenwald 2024). Counting by values rounds each
 * logarithm down, since it is concave, so a binned block is still an e-value.
 *
 * A worse candidate outcome, and one more of the worst, never lowers harm and never raises safety; `referencePart` says
 * why. A block without a reference that the null needs gives 0; one without candidates too, unless its reference is so
 * bad that a candidate would have spoken for the null.
 * @throws RangeError for counts that are negative, or over different values.
 */
export function meanIncrements(design: MeanDesign, block: ScoreBlock): Float64Array {
  const { candidate, reference } = block;
  if (candidate.length !== reference.length || candidate.length < 2) {
    throw new RangeError(`Scores over ${candidate.length} and ${reference.length} values cannot be compared.`);
  }
  for (const counts of [candidate, reference]) {
    for (let i = 0; i < counts.length; i++) if (!(counts[i]! >= 0)) throw new RangeError(`Not a count: ${counts[i]}.`);
  }
  const out = new Float64Array(design.alternatives.length);
  const { ratio, points } = design.null;
  const n1 = summarise(candidate).n;
  const n0 = summarise(reference).n;
  if (ratio === 0 ? n1 === 0 : n0 === 0) return out;
  const line = ratio * design.forecast + points;
  const sign = design.direction === "harm" ? 1 : -1;
  const table = tableOf(design, candidate.length, line);
  for (let j = 0; j < out.length; j++) {
    const bet = sign * design.alternatives[j]!.bet;
    const mean = n1 === 0 ? 0 : dot(candidate, table[j]!) / n1;
    out[j] = ratio === 0 ? n1 * mean : twoSample(design, bet, line, mean, n1, n0, reference);
  }
  return out;
}

function twoSample(
  design: MeanDesign,
  bet: number,
  line: number,
  meanLog: number,
  n1: number,
  n0: number,
  reference: ValueCounts,
): number {
  const { ratio } = design.null;
  const { forecast } = design;
  // So many candidates a reference carries at this bet; where there are more, each of them counts for less.
  const room = bet > 0 ? 1 - forecast : forecast;
  const carried = room === 0 ? Number.POSITIVE_INFINITY : (CARRIED * n0) / (ratio * Math.abs(bet) * room);
  const used = Math.min(n1, carried);
  return (
    used * meanLog +
    referencePart(used, carried, Math.log1p(bet * (1 - line)), (count) =>
      logSum(reference, (-bet * ratio * count) / n0, forecast),
    )
  );
}

/**
 * The reference's part T(used) must not let one more of the worst outcomes help the candidate. T is concave in the number
 * of candidates, with T(0) = 0, and an outcome at 1 adds `worst` by itself.
 * Harm (`worst` > 0): the least of T(m) + (m - used) worst over all m from `used` to `carried`, a concave function, lies at
 * an end; when one is added `used` moves towards `carried`, so the sum of both parts cannot fall.
 * Safety (`worst` < 0): T is capped at -worst * used, what all candidates being the worst would cost. A concave T through
 * 0 rises per candidate by at most T(used)/used, hence by at most -worst while it is below the cap: the sum cannot rise.
 * Where candidates are more than `carried`, the candidate's part is `carried` times its mean logarithm, which moves the
 * right way, and this part stays. Both are never above the plain factor: ln(1 + ax) >= a ln(1 + x) for 0 <= a <= 1.
 */
function referencePart(used: number, carried: number, worst: number, part: (count: number) => number): number {
  const plain = part(used);
  if (worst < 0) return Math.min(plain, -worst * used);
  if (used === carried || carried === Number.POSITIVE_INFINITY) return plain;
  return Math.min(plain, part(carried) + (carried - used) * worst);
}

/** The candidate's logarithms depend on the design alone: kept for as long as it lives. */
const tables = new WeakMap<MeanDesign, readonly Float64Array[]>();

/** ln(1 + bet (y - line)) for each bet of the design and each of so many values. */
function tableOf(design: MeanDesign, values: number, line: number): readonly Float64Array[] {
  const known = tables.get(design);
  if (known?.[0]?.length === values) return known;
  const sign = design.direction === "harm" ? 1 : -1;
  const table = design.alternatives.map(({ bet }) =>
    Float64Array.from({ length: values }, (_, i) => Math.log1p(sign * bet * (i / (values - 1) - line))),
  );
  tables.set(design, table);
  return table;
}

function dot(counts: ValueCounts, logs: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < logs.length; i++) sum += counts[i]! * logs[i]!;
  return sum;
}

/** Sum of ln(1 + bet (y - centre)) over all observations. */
function logSum(counts: ValueCounts, bet: number, centre: number): number {
  const cells = counts.length - 1;
  let sum = 0;
  for (let i = 0; i <= cells; i++) if (counts[i]! > 0) sum += counts[i]! * Math.log1p(bet * (i / cells - centre));
  return sum;
}
