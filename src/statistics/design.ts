import type { MarginNull } from "./block.ts";

/** `poisson-tilt` is for rare outcomes, `projected-bernoulli` for any. */
export type Form = "poisson-tilt" | "projected-bernoulli";

/** One simple alternative of the mixture. */
export interface Alternative {
  /** Times the margin line: in rates (tilt) or in odds (projected). Above 1 is harm, below 1 is safety. */
  readonly effect: number;
  /** The candidate's bad rate at that effect. */
  readonly rate: number;
  /** Of the first start, which is the release itself. The weights of all alternatives sum to 1, in each column. */
  readonly weight: number;
  /** Of a later start at a mark, such as a whole minute. */
  readonly atMarks: number;
  /** Of a later start between the marks. */
  readonly between: number;
  /** Up to this bad share of a block's reference, the factor is monotone in the candidate's outcomes by itself. */
  readonly calm: number;
}

/**
 * A test, fixed before the first observation: plain JSON, so that a ledger can hold it and anybody can recompute the
 * evidence from the counts. `forecast` must be known beforehand; a wrong one costs power, never validity.
 */
export interface Design {
  readonly form: Form;
  /** `harm` tests `p1 <= ratio * p0 + points`, `safety` the opposite `p1 >= ratio * p0 + points`. */
  readonly direction: "harm" | "safety";
  readonly null: MarginNull;
  readonly forecast: number;
  /** The reference's bad rate under the alternatives: the forecast, kept where alternatives exist. */
  readonly baseline: number;
  readonly alternatives: readonly Alternative[];
}

export interface DesignRequest {
  readonly form: Form;
  readonly null: MarginNull;
  /** The reference's expected bad rate, in [0, 1]. */
  readonly forecast: number;
}

const EDGE = 1e-9;
const RARE = 0.03;
const COMMON = 1 / 3;

/** One column for each use of an alternative, in parts that need not sum to 1. */
interface Weights {
  readonly weight: readonly number[];
  readonly atMarks: readonly number[];
  readonly between: readonly number[];
}

/**
 * Found by a search for the least worst ratio of bad answers to the information bound (`npm run bench --
 * detection-weights`): great harm is decided by a handful of outcomes, so there the cost of spreading weight is largest.
 * Few effects, closer to each other where they are small: more of them would cost more than they find.
 */
const TUNED: Weights = {
  weight: [164.1, 119.4, 63.5, 158.8, 21.5, 370.7, 102],
  atMarks: [20, 45, 180, 230, 360, 160, 5],
  between: [5, 10, 180, 100, 180, 520, 5],
};
const TUNED_EFFECTS = [1.482, 1.856, 2.399, 3.307, 4.163, 8.448, 20.424];
/**
 * For outcomes that are not rare: the least effect has a neighbour on one side only, and those past the middle are decided
 * in so few seconds that waiting for the next count costs most.
 */
const COMMON_LEAST = 1.12;
const COMMON_PARTS = [1.3, 0.8, 1, 1, 1.8, 0.8, 1];
/** Their greatest effect is that of so many bad candidates to a good one: more is found as soon. */
const COMMON_ODDS = 2;
const COMMON_WEIGHTS: Weights = { weight: COMMON_PARTS, atMarks: COMMON_PARTS, between: COMMON_PARTS };
const EQUAL = Array.from({ length: 16 }, () => 1);
const EQUALLY: Weights = { weight: EQUAL, atMarks: EQUAL, between: EQUAL };

/** Drift: the greatest effect that is looked for; beyond it one tick or two are enough. */
const DRIFT_TOP = 7;
/** A search over number, range and weights: the small effects have the most to find, and fewer neighbours. */
const DRIFT_LEAST = 1.22;
const DRIFT_PARTS = [1.25, 1.35, 0.95, 1, 1, 1];
const DRIFT: Weights = { weight: DRIFT_PARTS, atMarks: DRIFT_PARTS, between: DRIFT_PARTS };
/** The same for outcomes that are not rare, where small effects matter more. */
const COMMON_DRIFT_LEAST = 1.15;
const COMMON_DRIFT_ODDS = 3;
const COMMON_DRIFT_PARTS = Array.from({ length: 8 }, (_, index) => Math.exp(-0.15 * index));
const COMMON_DRIFT: Weights = {
  weight: COMMON_DRIFT_PARTS,
  atMarks: COMMON_DRIFT_PARTS,
  between: COMMON_DRIFT_PARTS,
};

/** The fraction of `calmShare`: the least one that a search over designs and blocks found to break it is 0.18 (decision 0010). */
const CALM = 0.12;

/** The tilt while the forecast and the margin line are both rare (at most 3 %), else the projected form. */
export function chooseForm(forecast: number, hypothesis: MarginNull): Form {
  const line = hypothesis.ratio * forecast + hypothesis.points;
  return forecast <= RARE && line <= RARE ? "poisson-tilt" : "projected-bernoulli";
}

/**
 * Evidence against "not harmful". Alternatives get closer towards the line, so that the nearest one to any effect loses about
 * as little.
 * @throws RangeError for a null that nothing can violate, a forecast outside [0, 1], or a tilt whose margin line is
 * above one third.
 */
export function harmDesign(request: DesignRequest): Design {
  return request.form === "poisson-tilt"
    ? buildDesign("harm", request, TUNED_EFFECTS, TUNED)
    : buildDesign(
        "harm",
        request,
        closeToOne(COMMON_LEAST, commonTop(request, COMMON_ODDS), COMMON_PARTS.length),
        COMMON_WEIGHTS,
      );
}

/**
 * Evidence against "not harmful" where there is all the time in the world, as after promotion. Alternatives get closer
 * towards the line, so that the nearest one to any effect loses about as little. Simulated at one false alarm in 30 days:
 * 8 to 10 % more time to an alarm than the detector that knows the effect, from 1.3 to ten times the line.
 * @throws RangeError as `harmDesign` does.
 */
export function driftDesign(request: DesignRequest): Design {
  if (request.form === "poisson-tilt")
    return buildDesign("harm", request, closeToOne(DRIFT_LEAST, DRIFT_TOP, DRIFT_PARTS.length), DRIFT);
  const top = Math.min(DRIFT_TOP, commonTop(request, COMMON_DRIFT_ODDS));
  const sizes = closeToOne(COMMON_DRIFT_LEAST, top, COMMON_DRIFT_PARTS.length);
  return buildDesign("harm", request, sizes, COMMON_DRIFT);
}

/**
 * Evidence for "not harmful", against `p1 >= ratio * p0 + points`. The alternatives lie around a candidate that is
 * as good as the forecast, since that is what a sound release is.
 * @throws RangeError as `harmDesign` does.
 */
export function safetyDesign(request: DesignRequest): Design {
  const { ratio, points } = request.null;
  const { forecast } = request;
  const line = ratio * forecast + points;
  const margin = forecast > 0 && forecast < line && line < 1 ? effectOf(request.form, line, forecast) : 1.6;
  // Beyond an eighth of the margin line nothing is won: a candidate without any bad outcome is the best there is.
  const equal = Math.min(margin, 8);
  const low = Math.sqrt(equal);
  const high = Math.min(40, Math.max(equal ** 3, low * 1.5));
  return buildDesign("safety", request, logSpaced(low, high, EQUAL.length), EQUALLY);
}

/** The effect on the odds at which so many candidates are bad for each good one. */
function commonTop({ null: { ratio, points }, forecast }: DesignRequest, odds: number): number {
  const line = ratio * forecast + points;
  return Math.min(12, Math.max(2.5, (odds * (1 - line)) / line));
}

function effectOf(form: Form, line: number, rate: number): number {
  return form === "poisson-tilt" ? line / rate : (line * (1 - rate)) / (rate * (1 - line));
}

function buildDesign(
  direction: Design["direction"],
  request: DesignRequest,
  sizes: readonly number[],
  weights: Weights,
): Design {
  const { form, forecast } = request;
  const { ratio, points } = request.null;
  if (!(ratio >= 0 && points >= 0 && points < 1 && ratio + points > 0 && Number.isFinite(ratio))) {
    throw new RangeError(`No test exists for the null p1 <= ${ratio} * p0 + ${points}.`);
  }
  if (!(forecast >= 0 && forecast <= 1)) throw new RangeError(`A forecast is a share, not ${forecast}.`);
  // Where the margin line would pass 1, no candidate rate could violate it: the alternatives stay below that.
  const ceiling = 1 - (1 - points) / 20;
  const highest = ratio === 0 ? 1 - EDGE : Math.min(1 - EDGE, (ceiling - points) / ratio);
  // A baseline far below the points would take a single bad reference outcome for a sensation.
  const baseline = Math.min(Math.max(forecast, 1e-6, points / 50), highest);
  const line = ratio * baseline + points;
  if (form === "poisson-tilt" && line > COMMON) {
    throw new RangeError(`The margin line ${line} is too common for the tilt; use the projected form.`);
  }
  const top = form === "poisson-tilt" && direction === "harm" ? 0.5 / line : Number.POSITIVE_INFINITY;
  const columns = [weights.weight, weights.atMarks, weights.between].map(normalised);
  const alternatives = sizes.map((wanted, index) => {
    const size = Math.min(wanted, top);
    const effect = direction === "harm" ? size : 1 / size;
    const rate = rateAt(form, line, effect);
    const calm = calmShare(form, request.null, baseline, rate);
    const [weight, atMarks, between] = columns.map((column) => column[index]!) as [number, number, number];
    return Object.freeze({ effect, rate, weight, atMarks, between, calm });
  });
  return Object.freeze({
    form,
    direction,
    null: Object.freeze({ ratio, points }),
    forecast,
    baseline,
    alternatives: Object.freeze(alternatives),
  });
}

function logSpaced(low: number, high: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => low * (high / low) ** (index / (count - 1)));
}

/** The logarithms are log-spaced. */
function closeToOne(low: number, high: number, count: number): readonly number[] {
  return logSpaced(Math.log(low), Math.log(high), count).map(Math.exp);
}

function normalised(parts: readonly number[]): readonly number[] {
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
}

function rateAt(form: Form, line: number, effect: number): number {
  if (form === "poisson-tilt") return effect * line;
  const odds = (effect * line) / (1 - line);
  return Math.min(Math.max(odds / (1 + odds), EDGE), 1 - EDGE);
}

/**
 * The bad share of the reference at which the first bad candidate outcome of a block stops adding evidence. For the
 * tilt without points this is the whole story, with a proof (decision 0010); elsewhere later outcomes may turn earlier,
 * hence the fraction.
 */
function calmShare(form: Form, hypothesis: MarginNull, baseline: number, rate: number): number {
  const { ratio, points } = hypothesis;
  if (ratio === 0) return 1;
  const line = ratio * baseline + points;
  const gain = Math.log(rate / line) / (rate / line - 1);
  if (form === "poisson-tilt" && points === 0) return Math.min(1, gain / ratio);
  const room = form === "poisson-tilt" ? (gain - line) / ratio : (gain * (1 - line)) / ratio;
  return Math.min(1, baseline + CALM * Math.max(0, room));
}
