import type { Design } from "./design.ts";
import { logSumExp } from "./recursion.ts";

/**
 * A start-only test seen as a walk: each trial is a success or not, and the evidence after K trials with k successes is
 * the mixture of `k * gain - K * cost`. With a reference a trial is a bad outcome of either arm, a success when it was the
 * candidate's; without one a trial is an observation, a success when it was bad.
 */
export interface Trials {
  readonly gain: readonly number[];
  readonly cost: readonly number[];
  readonly logWeight: readonly number[];
  /** The greatest probability of a success that the null allows. */
  readonly nullRate: number;
}

/**
 * @param share the candidate's share of all observations, the same in every block
 * @throws RangeError for a design whose evidence depends on more than these two counts
 */
export function trialsOf(design: Design, share: number): Trials {
  const { alternatives, null: hypothesis, form, baseline } = design;
  const { ratio, points } = hypothesis;
  const logWeight = alternatives.map(({ weight }) => Math.log(weight));
  if (ratio === 0) {
    const tilt = form === "poisson-tilt";
    return {
      logWeight,
      nullRate: points,
      gain: alternatives.map(
        ({ rate }) => Math.log(rate / points) - (tilt ? 0 : Math.log1p(-rate) - Math.log1p(-points)),
      ),
      cost: alternatives.map(({ rate }) => (tilt ? rate - points : Math.log1p(-points) - Math.log1p(-rate))),
    };
  }
  if (form !== "poisson-tilt" || points > 0 || !(share > 0 && share < 1)) {
    throw new RangeError(
      "Only tilts without points, at a share within (0, 1), and one-sample tests can be walked exactly.",
    );
  }
  const u = (ratio * share) / (1 - share);
  const effects = alternatives.map(({ rate }) => rate / (ratio * baseline));
  return {
    logWeight,
    nullRate: u / (1 + u),
    gain: effects.map((x) => Math.log(x)),
    cost: effects.map((x) => Math.log((1 + u * x) / (1 + u))),
  };
}

/** ln of the evidence after `trials` trials with `successes` successes. */
export function logAfter({ gain, cost, logWeight }: Trials, trials: number, successes: number): number {
  return logSumExp(logWeight.map((log, j) => log + successes * gain[j]! - trials * cost[j]!));
}

/** The fewest successes with which the evidence reaches the threshold, for each number of trials up to `most`. */
export function stoppingBoundary(trials: Trials, logThreshold: number, most: number): Int32Array {
  const boundary = new Int32Array(most + 1);
  let least = 1;
  for (let count = 1; count <= most; count++) {
    while (logAfter(trials, count, least) < logThreshold) least++;
    boundary[count] = least;
  }
  return boundary;
}

/** What becomes of a walk: chances by the number of successes, and the mean. */
export interface StoppingLaw {
  /** The chance that the boundary is ever reached, at most `lost` too high. */
  readonly stopped: number;
  /** Mass of paths so unlikely that they were not followed; it is counted as stopped. */
  readonly lost: number;
  /** The mean of the successes until the walk stops or its trials run out. */
  readonly meanSuccesses: number;
  /** The mean of the trials, likewise. */
  readonly meanTrials: number;
  /** The chance of each number of successes at the stop. */
  readonly atStop: readonly number[];
  /** The chance of each number of successes among walks that have not stopped when the trials run out. */
  readonly going: ArrayLike<number>;
}

const FOLLOWED = 1e-16;

/** The law of the walk with success probability `rate`, exactly, by dynamic programming over the trials. */
export function stoppingLaw(boundary: Int32Array, rate: number): StoppingLaw {
  const most = boundary.length - 1;
  const alive = new Float64Array((boundary[most] ?? 0) + 2);
  const atStop: number[] = [];
  alive[0] = 1;
  let [low, high, mass, lost, meanSuccesses, meanTrials] = [0, 0, 1, 0, 0, 0];
  for (let count = 1; count <= most && mass > FOLLOWED; count++) {
    meanTrials += mass;
    meanSuccesses += mass * rate;
    const stop = boundary[count]!;
    mass = 0;
    for (let k = high + 1; k >= low; k--) {
      const reached = (k <= high ? alive[k]! * (1 - rate) : 0) + (k > low ? alive[k - 1]! * rate : 0);
      if (k >= stop) atStop[k] = (atStop[k] ?? 0) + reached;
      alive[k] = k >= stop ? 0 : reached;
      mass += alive[k]!;
    }
    high = Math.min(high + 1, stop - 1);
    for (; low < high && alive[low]! < FOLLOWED; low++) {
      lost += alive[low]!;
      mass -= alive[low]!;
      alive[low] = 0;
    }
  }
  const chances = Array.from(atStop, (chance) => chance ?? 0);
  return {
    stopped: chances.reduce((sum, chance) => sum + chance, lost),
    lost,
    meanSuccesses,
    meanTrials,
    atStop: chances,
    going: alive,
  };
}

/** The least number of successes that the walk does not exceed with probability `part` when it stops; undefined if it need not stop. */
export function successQuantile(law: StoppingLaw, part: number): number | undefined {
  let sum = 0;
  const index = law.atStop.findIndex((chance) => {
    sum += chance;
    return sum >= part;
  });
  return index < 0 ? undefined : index;
}
