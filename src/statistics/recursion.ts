import { sharedList } from "./shared-list.ts";

/** The part of a design that the recursion needs: the weights of its alternatives, which sum to 1. */
export interface Weighed {
  readonly alternatives: readonly { readonly weight: number }[];
}

/** ln 0 that survives JSON and arithmetic: adding any finite increment leaves it where it is. */
export const NOTHING = -Number.MAX_VALUE;

/** ln of the sum of the exponentials, without overflow. */
export function logSumExp(logs: ArrayLike<number>): number {
  let highest = NOTHING;
  for (let i = 0; i < logs.length; i++) highest = Math.max(highest, logs[i]!);
  let sum = 0;
  for (let i = 0; i < logs.length; i++) sum += Math.exp(logs[i]! - highest);
  return sum === 0 ? NOTHING : highest + Math.log(sum);
}

/** The logarithms of the weights, for who asks for `logMixture` often. */
export function logWeightsOf({ alternatives }: Weighed): readonly number[] {
  return sharedList(alternatives.map(({ weight }) => Math.log(weight)));
}

/** ln of the weighted mean of the exponentials of the sums, which stand from a place on. */
export function logMixture(logWeights: readonly number[], totals: ArrayLike<number>, at = 0): number {
  let highest = NOTHING;
  for (let j = 0; j < logWeights.length; j++) highest = Math.max(highest, totals[at + j]! + logWeights[j]!);
  let sum = 0;
  for (let j = 0; j < logWeights.length; j++) sum += Math.exp(totals[at + j]! + logWeights[j]! - highest);
  return sum === 0 ? NOTHING : highest + Math.log(sum);
}

/** ln e-value of the plain process, from the sums of each alternative's increments over all blocks. */
export function mixture(design: Weighed, totals: ArrayLike<number>): number {
  return logMixture(logWeightsOf(design), totals);
}

/** ln of each alternative's Shiryaev statistic; plain JSON. */
export interface RecursionState {
  readonly logR: readonly number[];
}

export function startRecursion(design: Weighed): RecursionState {
  return { logR: design.alternatives.map(() => NOTHING) };
}

/**
 * `R <- (R + weight * w) * exp(increment)` for each alternative of weight w, in log space. `weight` is the spending
 * weight of a start just before this block, 0 for none. While the weights of a life sum to at most 1, the sum of R
 * passes 1/alpha with probability at most alpha, ever; unlike a plain product it does not have to unlearn a long
 * healthy past (Shiryaev; e-detectors of Shin, Ramdas and Rinaldo).
 */
export function advance(
  state: RecursionState,
  design: Weighed,
  increment: ArrayLike<number>,
  weight: number,
): RecursionState {
  const logWeight = weight > 0 ? Math.log(weight) : NOTHING;
  const logR = state.logR.map((log, index) => {
    const start = logWeight === NOTHING ? NOTHING : logWeight + Math.log(design.alternatives[index]!.weight);
    const high = Math.max(log, start);
    const sum = high === NOTHING ? NOTHING : high + Math.log1p(Math.exp(Math.min(log, start) - high));
    return Math.max(NOTHING, sum + increment[index]!);
  });
  return { logR };
}

/** ln of the evidence: compare it with ln(1/alpha). */
export function logEvidence(state: RecursionState): number {
  return logSumExp(state.logR);
}

export interface SpendingRequest {
  /** How many later starts share what the first one leaves. */
  readonly starts: number;
  /** The share of the first start: half, unless said otherwise. */
  readonly first?: number;
}

/**
 * The spending weight of the i-th start: half for the first (the release itself is the likeliest moment of a change),
 * the other half evenly for `starts` later ones, then 0 for ever; all of it for the first when `starts` is 0.
 * @throws RangeError for a number of starts that is no count, or a first share outside (0, 1).
 */
export function spending({ starts, first = 0.5 }: SpendingRequest): (index: number) => number {
  if (!(Number.isSafeInteger(starts) && starts >= 0)) throw new RangeError(`Not a number of starts: ${starts}.`);
  if (!(first > 0 && first < 1)) throw new RangeError(`Not a share for the first start: ${first}.`);
  return (index) => {
    if (index === 0) return starts === 0 ? 1 : first;
    return index <= starts ? (1 - first) / starts : 0;
  };
}
