import type { GroupCounts } from "./disparity.ts";

/** Sums that a dispersion is found from; plain JSON, and two of them add up. */
export interface DispersionSums {
  readonly pairs: number;
  /** Sums over pairs of w, w z, w^2, w^2 z, w^2 z^2, with z the pair's squared difference and w its weight. */
  readonly w: number;
  readonly wz: number;
  readonly ww: number;
  readonly wwz: number;
  readonly wwzz: number;
}

/** How many times the variance of independent outcomes; 1 for independent ones, more where they come in bursts. */
export interface Dispersion {
  readonly factor: number;
  /** The factor is at least this with about 99 % confidence; an approximation for many pairs (at least about 50). */
  readonly atLeast: number;
  readonly pairs: number;
}

export const NO_DISPERSION: DispersionSums = Object.freeze({ pairs: 0, w: 0, wz: 0, ww: 0, wwz: 0, wwzz: 0 });

/** The normal distribution's 99th percentile. */
const DEVIATIONS = 2.326;

/**
 * Adds two adjoining buckets of stable's traffic, used once each. Given the bad outcomes of both together, independent ones
 * fall into the first by a hypergeometric law, whatever the rate was: so neither a daily cycle nor a common outage that is
 * longer than a bucket looks like dispersion. A pair with fewer than two bad outcomes says nothing.
 */
export function addDispersion(sums: DispersionSums, first: GroupCounts, second: GroupCounts): DispersionSums {
  const n = first.n + second.n;
  const k = first.k + second.k;
  const w = k - 1;
  if (w < 1 || k >= n || first.n === 0 || second.n === 0) return sums;
  const expected = (k * first.n) / n;
  const variance = (expected * (second.n / n) * (n - k)) / (n - 1);
  const z = (first.k - expected) ** 2 / variance;
  return mergeDispersion(sums, { pairs: 1, w, wz: w * z, ww: w * w, wwz: w * w * z, wwzz: w * w * z * z });
}

export function mergeDispersion(a: DispersionSums, b: DispersionSums): DispersionSums {
  return {
    pairs: a.pairs + b.pairs,
    w: a.w + b.w,
    wz: a.wz + b.wz,
    ww: a.ww + b.ww,
    wwz: a.wwz + b.wwz,
    wwzz: a.wwzz + b.wwzz,
  };
}

/**
 * The dispersion so far: above 1.2 for certain means that outcomes come in bursts, and must be counted by session or user.
 * Pairs weigh by what they can tell (their bad outcomes less one); for bursts of sizes m it tends to E[m^2]/E[m].
 */
export function dispersionOf({ pairs, w, wz, ww, wwz, wwzz }: DispersionSums): Dispersion {
  if (pairs === 0) return { factor: 1, atLeast: 0, pairs };
  const factor = wz / w;
  const deviation = Math.sqrt(Math.max(0, wwzz - 2 * factor * wwz + factor * factor * ww)) / w;
  return { factor, atLeast: pairs < 2 ? 0 : Math.max(0, factor - DEVIATIONS * deviation), pairs };
}
