import type { Outcome } from "./harm.ts";

/** What a method did in a world, over all rollouts. */
export interface Summary {
  readonly method: string;
  readonly world: string;
  readonly rollouts: number;
  /** Rollouts in which it went back before the fault; they are not in the figures. */
  readonly early: number;
  /** Rollouts in which it did not go back within an hour; they are in the figures with what was served until then. */
  readonly never: number;
  readonly mean: number;
  /** Standard error of the mean. */
  readonly error: number;
  readonly median: number;
  readonly p90: number;
  readonly seconds: number;
  readonly bound: number;
  /** The mean over the bound. */
  readonly ratio: number;
}

/** @param what is counted: bad answers of the candidate, or all of its answers */
export function summarise(
  outcomes: readonly Outcome[],
  bound: number,
  what: "bad" | "answers" = "bad",
): readonly Summary[] {
  const byMethod = Map.groupBy(outcomes, ({ method }) => method);
  return [...byMethod].map(([method, all]) => {
    const told = all.filter(({ end }) => end !== "early");
    const bad = told.map((one) => one[what]).sort((a, b) => a - b);
    const mean = meanOf(bad);
    const spread = meanOf(bad.map((one) => (one - mean) ** 2));
    return {
      method,
      world: all[0]!.world,
      rollouts: all.length,
      early: all.length - told.length,
      never: told.filter(({ end }) => end === "never").length,
      mean,
      error: Math.sqrt(spread / Math.max(1, bad.length - 1)),
      median: quantileOf(bad, 0.5),
      p90: quantileOf(bad, 0.9),
      seconds: quantileOf(
        told.map((one) => one.seconds).sort((a, b) => a - b),
        0.5,
      ),
      bound,
      ratio: mean / bound,
    };
  });
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function quantileOf(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}
