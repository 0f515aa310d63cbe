import { type Block, type Design, increments, planStarts } from "../../src/statistics/index.ts";
import { startShares } from "../../src/statistics/late-evidence.ts";
import { HOUR } from "./worlds.ts";

/** The evidence of three modes after a second, as plain e-values. */
export interface Screened {
  late: number;
  start: number;
  drift: number;
}

/**
 * The same evidence as the evaluator's for blocks of one second, in plain numbers and without its caution about a very
 * bad reference, hence never below it (but for rounding): whatever stays below the threshold here would not have gone
 * back there. A hundred times quicker; rollouts that come near the threshold are judged again by the real evaluator.
 */
export interface Screen {
  take(counts: Block, second: number): Screened;
}

/** What the alternatives make of blocks of these sizes: the logarithm is linear in both numbers of bad outcomes. */
interface Line {
  readonly n0: number;
  readonly constant: Float64Array;
  readonly bad: Float64Array;
  readonly reference: Float64Array;
  /** Their exponentials, for each number of bad outcomes (row) and alternative (column). */
  readonly badFactors: Float64Array;
  readonly referenceFactors: Float64Array;
}

/** Blocks with fewer bad outcomes in each arm have their factors kept. */
const KEPT = 48;
const DEAD = 1e-280;

/** The factors of a design's blocks; kept for all rollouts of a world. */
export interface Factors {
  of(counts: Block): Float64Array;
}

export function createFactors(design: Design): Factors {
  const size = design.alternatives.length;
  const lines: (Line | undefined)[] = [];
  const out = new Float64Array(size);
  return {
    of({ n1, k1, n0, k0 }) {
      let line = lines[n1];
      if (line?.n0 !== n0) {
        line = lineOf(design, n1, n0);
        lines[n1] = line;
      }
      if (k1 < KEPT && k0 < KEPT) {
        const { badFactors, referenceFactors } = line;
        for (let j = 0, b = k1 * size, r = k0 * size; j < size; j++, b++, r++) {
          out[j] = badFactors[b]! * referenceFactors[r]!;
        }
      } else {
        const { constant, bad, reference } = line;
        for (let j = 0; j < size; j++) out[j] = Math.exp(constant[j]! + k1 * bad[j]! + k0 * reference[j]!);
      }
      return out;
    },
  };
}

function lineOf(design: Design, n1: number, n0: number): Line {
  const constant = increments(design, { n1, k1: 0, n0, k0: 0 });
  const slope = (k1: number, k0: number) => increments(design, { n1, k1, n0, k0 }).map((x, j) => x - constant[j]!);
  const bad = n1 > 0 ? slope(1, 0) : constant.map(() => 0);
  const reference = slope(0, 1);
  const factors = (by: Float64Array, and?: Float64Array) =>
    Float64Array.from({ length: KEPT * constant.length }, (_, place) => {
      const j = place % constant.length;
      return Math.exp((and?.[j] ?? 0) + Math.floor(place / constant.length) * by[j]!);
    });
  return { n0, constant, bad, reference, badFactors: factors(bad, constant), referenceFactors: factors(reference) };
}

export function createScreen(design: Design, factors: Factors): Screen {
  const size = design.alternatives.length;
  const plan = planStarts(HOUR);
  const width = HOUR / plan.intervals;
  const share = startShares(plan);
  const weights = Float64Array.from(design.alternatives, ({ weight }) => weight);
  const atMark = Float64Array.from(design.alternatives, ({ atMarks }) => atMarks * share(plan.perMark));
  const between = Float64Array.from(design.alternatives, (one) => one.between * share(1));
  const late = weights.map((weight) => weight * share(0));
  const start = weights.slice();
  const drift = new Float64Array(size);
  let unspent = 1 - share(0);
  const out: Screened = { late: 0, start: 0, drift: 0 };
  return {
    take(counts, second) {
      if (second > 0 && second % width === 0) {
        const fresh = (second / width) % plan.perMark === 0 ? atMark : between;
        unspent -= share(second / width);
        for (let j = 0; j < size; j++) late[j]! += fresh[j]!;
      }
      const by = factors.of(counts);
      let sumLate = unspent;
      let sumStart = 0;
      let sumDrift = 0;
      for (let j = 0; j < size; j++) {
        const factor = by[j]!;
        const one = late[j]! * factor;
        late[j] = one;
        sumLate += one;
        const plain = start[j]! * factor;
        start[j] = plain < DEAD ? 0 : plain;
        sumStart += plain;
        const endless = (drift[j]! + weights[j]!) * factor;
        drift[j] = endless;
        sumDrift += endless;
      }
      out.late = sumLate;
      out.start = sumStart;
      out.drift = sumDrift;
      return out;
    },
  };
}
