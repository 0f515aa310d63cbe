import { logGamma } from "../binomial.ts";

/** What was counted while the arms had these shares. A new planned share begins a new epoch. */
export interface RatioEpoch {
  /** Requests of each arm. */
  readonly counts: readonly number[];
  /** The shares that they were drawn with; they sum to 1 and none is 0. */
  readonly shares: readonly number[];
}

/** How sure the alternative is to lie near the planned shares: so many pseudo-observations. */
const NEAR = 100;

/**
 * ln of the e-value against "the arms are drawn with their planned shares": the Dirichlet-multinomial mixture around them,
 * one factor for each epoch (Lindon and Malek, Anytime-Valid Inference for Multinomial Count Data, NeurIPS 2022). At
 * 1/alpha or more the sample ratio is refuted, however often one looks: a fault of the instrument, which blocks forward.
 * @throws RangeError for counts that are not counts, or shares that are none
 */
export function sampleRatioEvidence(epochs: readonly RatioEpoch[]): number {
  return epochs.reduce((sum, epoch) => sum + epochEvidence(epoch), 0);
}

function epochEvidence({ counts, shares }: RatioEpoch): number {
  const whole = shares.reduce((sum, share) => sum + share, 0);
  if (counts.length !== shares.length || shares.some((share) => !(share > 0)) || Math.abs(whole - 1) > 1e-9) {
    throw new RangeError(`Shares are above 0, sum to 1, and each arm has one: ${shares.join(", ")}.`);
  }
  if (counts.some((count) => !(Number.isSafeInteger(count) && count >= 0))) {
    throw new RangeError(`Not counts: ${counts.join(", ")}.`);
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  let log = gammaRise(NEAR, total) * -1;
  counts.forEach((count, arm) => {
    log += gammaRise(NEAR * shares[arm]!, count) - count * Math.log(shares[arm]!);
  });
  return log;
}

/** ln Gamma(from + by) - ln Gamma(from), also for `from` below 1. */
function gammaRise(from: number, by: number): number {
  return logGamma(from + by + 1) - Math.log(from + by) - logGamma(from + 1) + Math.log(from);
}
