import { linearMeanEvidence, type MarginNull, MEAN_EDGE, meanDesign } from "../../statistics/index.ts";
import { gaussianBound, varianceAt } from "../reckoning.ts";
import type { Numbers } from "./trigger-test.ts";

/** Of a mean with ends: badness is 0 at the best value and 1 at the worst. */
export function meanTest({ ratio, points }: MarginNull, p0: number, p1: number, alpha: number): Numbers {
  const nothing = { ratio, points: ratio === 0 ? Math.min(Math.max(points, MEAN_EDGE), 1 - MEAN_EDGE) : points };
  // As the evaluator does: a forecast only steers the bets.
  const [low, high] = ratio === 0 ? [0, 1] : [(MEAN_EDGE - points) / ratio, (1 - MEAN_EDGE - points) / ratio];
  const forecast = Math.min(Math.max(p0, low, 0), Math.max(0, high), 1);
  // What is wholly bad does not spread at all: it lies at its end.
  const ends = p1 > 0 && p1 < 1 ? varianceAt(p1) / (p1 * (1 - p1)) : 1;
  return {
    null: nothing,
    p0,
    p1,
    chances: ends,
    evidence: (direction, share, candidate) => {
      const design = meanDesign({ direction, null: nothing, forecast });
      return linearMeanEvidence(design, share, { ends, p1: candidate === "bad" ? p1 : p0, p0 });
    },
    bound: (share) => {
      const reference = ratio === 0 ? 0 : (ratio * ratio * varianceAt(p0) * share) / (1 - share);
      return gaussianBound({
        gap: p1 - ratio * p0 - nothing.points,
        variance: varianceAt(p1) + reference,
        alpha,
      });
    },
  };
}
