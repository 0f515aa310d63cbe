import type { Block } from "./block.ts";
import type { Alternative, Design } from "./design.ts";
import { NumberShelf } from "./number-shelf.ts";
import { projectedAlone, projectedBeside, projectedFactor, projectedNumbers } from "./projection.ts";
import { type TiltEffects, tiltAlone, tiltBeside, tiltEffects, tiltFactor, tiltNumbers } from "./tilt.ts";

/** The increments of a design, for who asks often: what the design alone tells is computed once. */
export interface Increments {
  /** Writes those of a block, one for each alternative; `out` may be longer. */
  write(block: Block, out: Float64Array): void;
}

/**
 * ln of the block's e-value for each alternative of the design, in its order. Under every point of the null its
 * expectation is at most 1, whatever the forecast was. One more bad candidate outcome, added or turned from good,
 * never lowers harm evidence and never raises safety evidence. A block that says nothing (no candidate, or no
 * reference where the null needs one) gives 0.
 * @throws RangeError for counts that are not counts.
 */
export function increments(design: Design, block: Block): Float64Array {
  const out = new Float64Array(design.alternatives.length);
  incrementsOf(design).write(block, out);
  return out;
}

/** @param shelf where its numbers are kept, beside those that are needed with them */
export function incrementsOf(design: Design, shelf = new NumberShelf()): Increments {
  return new IncrementsOfDesign(design, shelf);
}

/** Places in the numbers of a design; the baseline and those of its alternatives follow, as `projectedBeside` reads them. */
const [CALM, RATIO, POINTS, OWN] = [0, 1, 2, 4] as const;

/** A design without its alternatives. */
type Frame = Pick<Design, "form" | "direction" | "null" | "baseline">;
type Effect = Pick<Alternative, "rate" | "calm">;

/** A class, since there are very many: one object each; and of a design only its numbers, which are a tenth of it. */
class IncrementsOfDesign implements Increments {
  readonly #shelf: NumberShelf;
  readonly #place: number;
  readonly #size: number;
  /** Of rare outcomes. */
  readonly #effects: TiltEffects | undefined;
  readonly #frame: Frame;
  /** The rate of each alternative, then up to where it is calm. */
  readonly #rates: readonly number[];

  constructor(design: Design, shelf: NumberShelf) {
    const { alternatives, null: hypothesis, baseline, form, direction } = design;
    const isTilt = form === "poisson-tilt";
    const calms = alternatives.map(({ calm }) => calm);
    const own = isTilt ? tiltNumbers(design) : projectedNumbers(design);
    this.#shelf = shelf;
    this.#place = shelf.take(OWN + own.length);
    this.#size = alternatives.length;
    this.#effects = isTilt ? tiltEffects(design) : undefined;
    this.#frame = { form, direction, null: hypothesis, baseline };
    this.#rates = [...alternatives.map(({ rate }) => rate), ...calms];
    const kept = [Math.min(1, ...calms), hypothesis.ratio, hypothesis.points, baseline, ...own];
    shelf.numbers.set(kept, this.#place);
  }

  write(block: Block, out: Float64Array): void {
    check(block);
    const { n1, n0, k0 } = block;
    const { numbers } = this.#shelf;
    const place = this.#place;
    const compares = numbers[place + RATIO]! > 0;
    const share = n0 === 0 ? 0 : k0 / n0;
    if (compares && n0 === 0) out.fill(0, 0, this.#size);
    else if (share > numbers[place + CALM]!) this.#guard(share, block, out);
    else if (n1 === 0) out.fill(0, 0, this.#size);
    else if (this.#effects) this.#tilt(this.#effects, numbers, block, out);
    else if (compares) projectedBeside(block, numbers, place + RATIO, this.#size, out);
    else projectedAlone(block, numbers, place + OWN, this.#size, out);
  }

  #tilt(effects: TiltEffects, numbers: Float64Array, block: Block, out: Float64Array): void {
    const place = this.#place;
    const ratio = numbers[place + RATIO]!;
    const u = (ratio * block.n1) / block.n0;
    if (ratio === 0) tiltAlone(block, effects.logs, numbers, place + OWN, out);
    else if (numbers[place + POINTS] === 0 && u < 1) tiltBeside(block, u, effects, out);
    else
      for (let j = 0; j < this.#size; j++)
        out[j] = tiltFactor(this.#frame.null, this.#frame.baseline, this.#rates[j]!, block);
  }

  /** Where the reference is so bad that factors may not be monotone by themselves. */
  #guard(share: number, block: Block, out: Float64Array): void {
    const frame = this.#frame;
    const guarded = frame.direction === "harm" ? lowestWithMoreBad : lowestWithFewerBad;
    for (let j = 0; j < this.#size; j++) {
      const one = { rate: this.#rates[j]!, calm: this.#rates[this.#size + j]! };
      out[j] = share <= one.calm ? plainFactor(frame, one, block) : guarded(frame, one, block);
    }
  }
}

/** The factor of the block if `k1` of its candidates were bad, its good ones being as many as they are. */
function factor(design: Frame, alternative: Effect, block: Block, k1: number): number {
  const n1 = block.n1 - block.k1 + k1;
  return plainFactor(design, alternative, { n1, k1, n0: block.n0, k0: block.k0 });
}

function plainFactor(design: Frame, { rate }: Effect, block: Block): number {
  if (block.n1 === 0) return 0;
  const factorOf = design.form === "poisson-tilt" ? tiltFactor : projectedFactor;
  return factorOf(design.null, design.baseline, rate, block);
}

/**
 * So many candidates are looked at for each reference: beyond, the factor hardly moves. More where there are few, as long
 * as rounding stays below the grain of the evidence.
 */
const REACH = 1e3;
const FAR = 1e6;

/**
 * When the reference of a block is surprisingly bad, a bad candidate outcome can speak for the null: it makes the
 * candidate's arm heavier. The lowest value over all greater numbers of bad outcomes is still a valid e-value (it is
 * never larger) and cannot fall when one is added.
 */
function lowestWithMoreBad(design: Frame, alternative: Effect, block: Block): number {
  const at = (k1: number) => factor(design, alternative, block, k1);
  const reach = Math.max(REACH * block.n0, Math.min(FAR, 10 * REACH * block.n0));
  return lowest(at, block.k1, 1, Math.max(reach, block.k1));
}

/** The mirror image for safety: the lowest over all smaller numbers of bad outcomes cannot rise when one is added. */
function lowestWithFewerBad(design: Frame, alternative: Effect, block: Block): number {
  return lowest((k1) => factor(design, alternative, block, k1), block.k1, -1, 0);
}

/** So many steps are looked at one by one: there the factor may turn more than once. */
const NEAR = 16;
const STRIDE = 1.25;

/** The lowest value at the whole numbers between `from` and `end`: looked for at growing steps, then around each low one. */
function lowest(at: (k1: number) => number, from: number, direction: 1 | -1, end: number): number {
  const span = direction * (end - from);
  const rungs: number[] = [];
  for (let step = 0; step < span; step = step < NEAR ? step + 1 : Math.ceil(step * STRIDE)) {
    rungs.push(from + direction * step);
  }
  rungs.push(end);
  const values = rungs.map(at);
  let least = Math.min(...values);
  const last = rungs.length - 1;
  for (let i = 0; i <= last; i++) {
    const [before, after] = [Math.max(0, i - 1), Math.min(last, i + 1)];
    if (values[i]! > values[before]! || values[i]! > values[after]!) continue;
    const [a, b] = [rungs[before]!, rungs[after]!];
    least = Math.min(least, dip(at, Math.min(a, b), Math.max(a, b)));
  }
  return least;
}

/** The lowest value at the whole numbers in [low, high] of a function that falls, then rises: golden section search. */
function dip(at: (k1: number) => number, from: number, to: number): number {
  let [low, high] = [from, to];
  const golden = (Math.sqrt(5) - 1) / 2;
  let [left, right] = [high - golden * (high - low), low + golden * (high - low)];
  let [atLeft, atRight] = [at(left), at(right)];
  while (high - low > 2) {
    if (atLeft < atRight) {
      high = right;
      [right, atRight] = [left, atLeft];
      left = high - golden * (high - low);
      atLeft = at(left);
    } else {
      low = left;
      [left, atLeft] = [right, atRight];
      right = low + golden * (high - low);
      atRight = at(right);
    }
  }
  let least = Number.POSITIVE_INFINITY;
  // The lowest whole number lies next to the lowest point.
  const end = Math.min(to, Math.ceil(high));
  for (let k1 = Math.max(from, Math.floor(low)); k1 <= end; k1++) least = Math.min(least, at(k1));
  return least;
}

function isPart(k: number, n: number): boolean {
  return Number.isSafeInteger(n) && Number.isSafeInteger(k) && k >= 0 && k <= n;
}

function check({ n1, k1, n0, k0 }: Block): void {
  if (!isPart(k1, n1) || !isPart(k0, n0))
    throw new RangeError(`Not a block: ${k1} of ${n1}, reference ${k0} of ${n0}.`);
}
