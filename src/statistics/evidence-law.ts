import { logBinomial } from "./binomial.ts";
import { growthOf, type LinearEvidence } from "./linear-evidence.ts";

/** What is asked: how long a test takes that looks at its evidence after every block. */
export interface LawRequest {
  readonly evidence: LinearEvidence;
  /** ln of what the mixture has to reach. */
  readonly logThreshold: number;
  /** The candidate's and the reference's true rates. */
  readonly p1: number;
  readonly p0: number;
  /** Candidate observations in one block; need not be whole. */
  readonly block: number;
  /** Cells of the walk for each standard deviation of a step. */
  readonly cells?: number;
  /** Until so much of it has ended the walk is followed; 0.93, unless said. */
  readonly ended?: number;
}

/** When a test decides: chances by its length, in candidate observations and in bad ones among them. */
export interface EvidenceLaw {
  /** The length that is not exceeded with this probability; undefined where it was not followed so far. */
  readonly observations: (part: number) => number | undefined;
  /** The same for bad candidate observations. */
  readonly bad: (part: number) => number | undefined;
}

/** The middle of the law is about so many looks long: each puts the decision off by about half of its length. */
const LOOKS = 100;
/** The walk is followed for so many times the expected length, or until this much of it has ended. */
const LENGTHS = 12;
const ENDED = 0.93;
const CELLS = 4;
/** A step that hardly varies is spread over so many cells at most. */
const MOST_CELLS = 400;
/** Mass that is not worth following. */
const FAINT = 1e-10;

/** In a block that is so many times as long as a decision usually takes, hardly one is missed. */
const AT_ONCE = 10;
/** The standard deviations that nine of ten do not exceed. */
const NINE_OF_TEN = 1.3;

/** The first block decides, however many it holds. */
function atOnce(block: number, p1: number): EvidenceLaw {
  const spread = NINE_OF_TEN * Math.sqrt(block * p1 * (1 - p1));
  return {
    observations: () => block,
    bad: (part) => Math.ceil(block * p1 + (part > 0.5 ? spread : 0)),
  };
}

const NEVER: EvidenceLaw = { observations: () => undefined, bad: () => undefined };

/**
 * The law of the first passage of ln(mixture) over a threshold, by dynamic programming; every simplification puts the
 * decision off, so that its quantiles are upper bounds. (1) The evidence is looked at only after a whole number of blocks,
 * about 100 times until the median. (2) The counts (k1, k0) that do not yet decide form a convex set, since a mixture of
 * exponentials is log-convex; a half-plane `k1 - slope k0 >= bound` that lies wholly among those that decide takes the place
 * of the rest, so one number is walked in place of two. It is chosen anew at every look, for all k0 within six standard
 * deviations and more. The walk lives on a grid of a quarter of a step's standard deviation, on which means are kept: that is
 * an error in either direction, below one percent.
 */
export function evidenceLaw(request: LawRequest): EvidenceLaw {
  const { evidence, logThreshold, p1, p0, block } = request;
  const lengths = growthOf(evidence, p1, p0).map((growth, j) =>
    growth > 0 ? (logThreshold - evidence.logWeight[j]!) / growth : Number.POSITIVE_INFINITY,
  );
  const usual = Math.min(...lengths);
  if (!Number.isFinite(usual)) return NEVER;
  if (block > AT_ONCE * usual) return atOnce(block, p1);
  const step = block * Math.max(1, Math.ceil(usual / LOOKS / block));
  const slope = slopeAt(evidence, usual, p1, p0);
  const kernel = kernelOf(request, step, slope);
  const looks = Math.ceil((LENGTHS * usual) / step) + LENGTHS;
  return walk(kernel, looks, (look) => boundAfter(request, look * step, slope, kernel.sign), step, request.ended);
}

/** The slope of the border of the deciding counts, at the mean counts of the usual length. */
function slopeAt(evidence: LinearEvidence, n: number, p1: number, p0: number): number {
  return border(evidence, 0, n, p0 * n * evidence.beside, p1 * n, 1).slope;
}

/** Newton's steps from `from` towards the k1 at which ln(mixture) is `logThreshold`, and the border's slope there. */
export function border(
  { logWeight, each, bad, reference }: LinearEvidence,
  logThreshold: number,
  n: number,
  k0: number,
  from: number,
  rounds = 60,
): { readonly k1: number; readonly slope: number } {
  const logs = new Float64Array(logWeight.length);
  let k1 = from;
  let slope = 0;
  for (let round = 0; round < rounds; round++) {
    let high = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < logWeight.length; j++) {
      logs[j] = logWeight[j]! + n * each[j]! + k1 * bad[j]! + k0 * reference[j]!;
      high = Math.max(high, logs[j]!);
    }
    let [sum, rise, across] = [0, 0, 0];
    for (let j = 0; j < logs.length; j++) {
      const part = Math.exp(logs[j]! - high);
      sum += part;
      rise += part * bad[j]!;
      across += part * reference[j]!;
    }
    slope = -across / rise;
    const change = ((high + Math.log(sum) - logThreshold) * sum) / rise;
    k1 -= change;
    if (Math.abs(change) < 1e-7 * (1 + Math.abs(k1))) break;
  }
  return { k1, slope };
}

const WIDTHS = 6;
const SLACK = 12;

/** The least x such that every (k1, k0) with `sign (k1 - slope k0) >= x` and a likely k0 decides after n observations. */
function boundAfter({ evidence, logThreshold, p0, p1 }: LawRequest, n: number, slope: number, sign: 1 | -1): number {
  const mean = p0 * n * evidence.beside;
  const width = WIDTHS * Math.sqrt(mean * (1 - p0)) + SLACK;
  let [low, high] = evidence.beside === 0 ? [0, 0] : [Math.max(0, mean - width), mean + width];
  let from = p1 * n;
  const at = (k0: number) => {
    const found = border(evidence, logThreshold, n, k0, from);
    from = found.k1;
    return { value: sign * (found.k1 - slope * k0), rise: sign * (found.slope - slope) };
  };
  // The border is concave, seen from where nothing is decided, so a tangent is never below it.
  let best = at((low + high) / 2);
  for (let round = 0; round < 12 && high - low > 1e-3; round++) {
    if (best.rise > 0) low = (low + high) / 2;
    else high = (low + high) / 2;
    best = at((low + high) / 2);
  }
  return best.value + (Math.abs(best.rise) * (high - low)) / 2;
}

/** The distribution of one step of the walk on its grid, beside the same weighed with the bad candidate observations. */
interface Kernel {
  readonly sign: 1 | -1;
  /** The width of a cell. */
  readonly cell: number;
  /** The cell of the first entry. */
  readonly first: number;
  readonly chance: Float64Array;
  readonly bad: Float64Array;
}

function kernelOf({ evidence, p1, p0, cells = CELLS }: LawRequest, step: number, slope: number): Kernel {
  const sign = evidence.bad.some((gain) => gain > 0) ? 1 : -1;
  const candidate = countsOf(step, p1);
  const reference = countsOf(step * evidence.beside, p0);
  const ends = [candidate.from, candidate.to].flatMap((k1) =>
    [reference.from, reference.to].map((k0) => (k1 - slope * k0) * sign),
  );
  const spread = Math.sqrt(varianceOf(candidate.chances) + slope * slope * varianceOf(reference.chances));
  const cell = Math.max(spread / cells, (Math.max(...ends) - Math.min(...ends)) / MOST_CELLS, 1e-9);
  const first = Math.floor(Math.min(...ends) / cell);
  const size = Math.floor(Math.max(...ends) / cell) - first + 2;
  const chance = new Float64Array(size);
  const bad = new Float64Array(size);
  candidate.chances.forEach((one, i) => {
    const k1 = candidate.from + i;
    reference.chances.forEach((other, l) => {
      const place = (sign * (k1 - slope * (reference.from + l))) / cell - first;
      const at = Math.min(size - 2, Math.floor(place));
      const upper = place - at;
      chance[at]! += one * other * (1 - upper);
      chance[at + 1]! += one * other * upper;
      bad[at]! += one * other * (1 - upper) * k1;
      bad[at + 1]! += one * other * upper * k1;
    });
  });
  return { sign, cell, first, chance, bad };
}

/** The likely numbers of bad ones among n, which need not be whole: the last one counts in part. */
export function countsOf(
  n: number,
  p: number,
): { readonly from: number; readonly to: number; readonly chances: number[] } {
  const whole = Math.floor(n + 1e-9);
  const part = Math.max(0, n - whole) * p;
  const at = (k: number) => (k < 0 || k > whole ? 0 : Math.exp(logBinomial(whole, k, p)));
  const middle = Math.round(whole * p);
  let [from, to] = [middle, middle];
  while (at(from - 1) > FAINT) from--;
  while (at(to + 1) > FAINT) to++;
  const chances = Array.from({ length: to - from + 2 }, (_, i) => at(from + i) * (1 - part) + at(from + i - 1) * part);
  return { from, to: to + 1, chances };
}

function varianceOf(chances: readonly number[]): number {
  let [mean, square] = [0, 0];
  chances.forEach((chance, k) => {
    mean += chance * k;
    square += chance * k * k;
  });
  return Math.max(0, square - mean * mean);
}

function walk(
  kernel: Kernel,
  looks: number,
  boundAt: (look: number) => number,
  step: number,
  followed = ENDED,
): EvidenceLaw {
  const { cell, first, chance, bad } = kernel;
  const ended: number[] = [];
  const badAtEnd: number[] = [];
  // Cells from `low` on that are still alive: their mass, and the mass times its mean number of bad observations.
  let [low, alive, weighed] = [0, Float64Array.of(1), Float64Array.of(0)];
  for (let look = 1, left = 1; look <= looks && left > 1 - followed; look++) {
    const mass = new Float64Array(alive.length + chance.length - 1);
    const sums = new Float64Array(mass.length);
    for (let i = 0; i < alive.length; i++) {
      const [here, sum] = [alive[i]!, weighed[i]!];
      if (here === 0) continue;
      for (let j = 0; j < chance.length; j++) {
        mass[i + j]! += here * chance[j]!;
        sums[i + j]! += sum * chance[j]! + here * bad[j]!;
      }
    }
    low += first;
    const stop = Math.min(mass.length, Math.max(0, Math.ceil(boundAt(look) / cell) - low));
    let now = 0;
    for (let i = stop; i < mass.length; i++) {
      if (mass[i] === 0) continue;
      now += mass[i]!;
      const count = Math.round(sums[i]! / mass[i]!);
      badAtEnd[count] = (badAtEnd[count] ?? 0) + mass[i]!;
    }
    ended.push(now);
    left -= now;
    let from = 0;
    for (; from < stop && mass[from]! < FAINT; from++);
    low += from;
    [alive, weighed] = [mass.slice(from, stop), sums.slice(from, stop)];
  }
  return {
    observations: (part) => {
      const look = quantile(ended, part);
      return look === undefined ? undefined : (look + 1) * step;
    },
    bad: (part) => quantile(badAtEnd, part),
  };
}

/** The least index up to which the chances sum to `part`; there may be holes. */
function quantile(chances: readonly number[], part: number): number | undefined {
  let sum = 0;
  for (let i = 0; i < chances.length; i++) {
    sum += chances[i] ?? 0;
    if (sum >= part) return i;
  }
  return undefined;
}
