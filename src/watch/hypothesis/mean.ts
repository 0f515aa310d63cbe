import { SCORE_PARTS, valueAt } from "../../core/cells.ts";
import type { Signal } from "../../core/playbook.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Cells, Sample } from "../../core/sample.ts";
import { MEAN_EDGE, meanDesign, meanIncrements, type ScoreBlock, summarise } from "../../statistics/index.ts";
import type { Arm, Cohort } from "../cohort.ts";
import type { HarmNull, MeanRule } from "../rule.ts";
import type { Hypothesis } from "./hypothesis.ts";

/** The ends of the parts. */
const PLACES = SCORE_PARTS + 1;
/** The badness that is assumed where stable was never seen. */
const UNKNOWN = 0.5;

/** The mean of a score whose least and greatest value are known, by betting. */
export function meanHypothesis(rule: MeanRule, frozen: FrozenWindow | undefined): Hypothesis {
  const { signal } = rule;
  const forecast = frozen && frozen.n > 0 ? summarise(badness(signal, frozen.cells ?? [])).mean : UNKNOWN;
  const harm = meanDesign({ direction: "harm", ...testable(rule.harmNull ?? rule.null, forecast) });
  const safety = meanDesign({ direction: "safety", ...testable(rule.null, forecast) });
  const blockOf = ({ candidate, reference }: Cohort): ScoreBlock => ({
    candidate: badness(signal, candidate.cells ?? []),
    reference: badness(signal, reference.cells ?? []),
  });
  return {
    harm,
    safety,
    test: {
      method: "mean-betting",
      compares: harm.null.ratio > 0 || safety.null.ratio > 0,
      harmOf: (cohort) => meanIncrements(harm, blockOf(cohort)),
      safetyOf: (cohort) => meanIncrements(safety, blockOf(cohort)),
      possible: isScore,
      shown: (arm) => ({ k: 0, ...meanOf(signal, arm) }),
    },
  };
}

/** Counts from the best value to the worst. */
export function badness({ better }: Pick<Signal, "better">, cells: Iterable<readonly [number, number]>): Float64Array {
  const counts = new Float64Array(PLACES);
  for (const [cell, count] of cells) counts[better === "down" ? cell : PLACES - 1 - cell]! += count;
  return counts;
}

/** The mean of one side on the signal's own scale; nothing without observations. */
export function meanOf(
  { range }: Signal,
  { n, cells = [] }: Pick<Arm, "n"> & { readonly cells?: Iterable<readonly [number, number]> },
) {
  if (n === 0) return {};
  let sum = 0;
  for (const [cell, count] of cells) sum += (range ? cell / (PLACES - 1) : valueAt(cell)) * count;
  const [least, greatest] = range ?? [0, 1];
  return { mean: least + (greatest - least) * (sum / n) };
}

/** A forecast only steers the bets: it is moved to where the line between safe and harmful lies inside the scale. */
function testable(
  { ratio, points }: HarmNull,
  forecast: number,
): { readonly null: HarmNull; readonly forecast: number } {
  if (ratio === 0) return { null: { ratio, points: Math.min(Math.max(points, MEAN_EDGE), 1 - MEAN_EDGE) }, forecast };
  const [low, high] = [(MEAN_EDGE - points) / ratio, (1 - MEAN_EDGE - points) / ratio];
  return { null: { ratio, points }, forecast: Math.min(Math.max(forecast, low, 0), high, 1) };
}

function isScore({ n, cells }: Sample): boolean {
  if (!(Number.isSafeInteger(n) && n >= 0)) return false;
  return n === 0 || (cells !== undefined && Math.abs(countOf(cells) - n) < 1e-3 && cells.every(isPlace));
}

function countOf(cells: Cells): number {
  return cells.reduce((sum, [, count]) => sum + count, 0);
}

function isPlace([cell, count]: readonly [number, number]): boolean {
  return Number.isInteger(cell) && cell >= 0 && cell < PLACES && count >= 0;
}
