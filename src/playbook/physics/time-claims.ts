import { TIME_QUANTILES, type Trigger } from "../../core/playbook.ts";
import { normalQuantile, normalTail } from "../normal-tail.ts";

/** The spread of the logarithm of a time: p95 is then 2.7 times the median. */
export const LOG_SPREAD = 0.6;

/** What is reckoned with of one quantile of a time. */
export interface TimeClaim {
  readonly quantile: number;
  /** How many of stable's are slow, and of a candidate's that takes longer. */
  readonly p0: number;
  readonly p1: number;
  /** How many more of the candidate's may be. */
  readonly points: number;
}

/**
 * Slow is what takes longer than stable's own quantile and the margin, at each quantile that the trigger is about; harm makes
 * every answer longer by the part `longer`.
 */
export function timeClaims(
  { quantile, by }: Extract<Trigger, { kind: "slows" }>,
  longer: number,
): readonly TimeClaim[] {
  return (quantile === undefined ? TIME_QUANTILES : [quantile]).map((one) => {
    const line = normalQuantile(1 - one) * LOG_SPREAD + Math.log1p(by);
    const p0 = normalTail(line / LOG_SPREAD);
    const p1 = normalTail((line - Math.log1p(longer)) / LOG_SPREAD);
    return { quantile: one, p0, p1, points: Math.max(0, 1 - one - p0) };
  });
}
