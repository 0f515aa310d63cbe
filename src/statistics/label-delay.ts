import type { Block } from "./block.ts";
import { combine } from "./combination.ts";
import { type Design, harmDesign } from "./design.ts";
import { projectedFactor } from "./projection.ts";
import { mixture } from "./recursion.ts";

/**
 * Labels of one bucket of requests by how long they took, both arms over the same steps of delay; counted when the bucket
 * is older than the longest step, so that a younger arm is not taken for a quicker one.
 */
export interface DelayBlock {
  readonly candidate: readonly number[];
  readonly reference: readonly number[];
}

export interface DelayComparison {
  add(block: DelayBlock): void;
  /** ln of the e-value against "the labels of both arms take equally long", to within the tolerance; 0 at first. */
  log(): number;
}

export interface DelayRequest {
  /** Stable's usual share of labels in each step, from before the release; they sum to 1. */
  readonly usual: readonly number[];
  /** By so much may the share of labels that came by any step differ between the arms. */
  readonly tolerance?: number;
  /** So many labels at most belong together and become known alike: the evidence holds to the power of 1/`lump`. */
  readonly lump?: number;
}

/**
 * Compares how fast the arms' labels come, at every border between steps and in both directions, as shares; the mean of
 * their e-values is anytime-valid under any dependence between the borders. Labels of one arm that come twice as fast make
 * a sound candidate look bad: at 1/alpha or more only matured cohorts may count, and nothing goes forward.
 * @throws RangeError for fewer than two steps, a tolerance outside [0, 0.5), or a lump below 1
 */
export function compareDelays({ usual, tolerance = 0.02, lump = 1 }: DelayRequest): DelayComparison {
  if (usual.length < 2) throw new RangeError("Delays need at least two steps to differ in.");
  if (!(tolerance >= 0 && tolerance < 0.5)) throw new RangeError(`Not a tolerance: ${tolerance}.`);
  if (!(lump >= 1)) throw new RangeError(`Not a lump: ${lump}.`);
  let by = 0;
  const tests = usual.slice(0, -1).flatMap((share, border) => {
    by += share;
    return [
      { border, late: false, ...started(Math.min(1, by), tolerance) },
      { border, late: true, ...started(Math.max(0, 1 - by), tolerance) },
    ];
  });
  const weights = tests.map(() => 1);
  return {
    add(block) {
      for (const { border, late, design, totals } of tests) {
        const { n1, n0, ...bad } = blockOf(block, border, late);
        if (n1 === 0 || n0 === 0) return;
        // The factor as it is: nobody needs it to be monotone, as a doubt never goes back.
        design.alternatives.forEach(({ rate }, j) => {
          totals[j]! += projectedFactor(design.null, design.baseline, rate, { n1, n0, ...bad }) / lump;
        });
      }
    },
    log: () =>
      combine(
        tests.map(({ design, totals }) => mixture(design, totals)),
        weights,
      ),
  };
}

function started(forecast: number, tolerance: number): { readonly design: Design; readonly totals: Float64Array } {
  const design = harmDesign({ form: "projected-bernoulli", null: { ratio: 1, points: tolerance }, forecast });
  return { design, totals: new Float64Array(design.alternatives.length) };
}

function blockOf({ candidate, reference }: DelayBlock, border: number, late: boolean): Block {
  const share = (counts: readonly number[]) => {
    const n = counts.reduce((sum, count) => sum + count, 0);
    const early = counts.slice(0, border + 1).reduce((sum, count) => sum + count, 0);
    return { n, k: late ? n - early : early };
  };
  const [a, b] = [share(candidate), share(reference)];
  return { n1: a.n, k1: a.k, n0: b.n, k0: b.k };
}
