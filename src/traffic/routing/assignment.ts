import type { Route } from "../../core/entry.ts";
import type { Instant } from "../../core/time.ts";
import { murmur3 } from "./murmur3.ts";

export type Variant = "stable" | "candidate";

/** The whole range of buckets: shares are parts per million. */
export const BUCKETS = 1_000_000;

/**
 * The bucket of a targeting key, 0 to 999,999. The projection floor(hash × 10^6 / 2^32) is exact in doubles, because
 * the product stays below 2^52 and the division is by a power of two.
 */
export function bucketOf(system: string, key: string): number {
  return Math.floor((murmur3(system, key) * BUCKETS) / 0x1_0000_0000);
}

/**
 * Which variant serves this targeting key. Sticky: the same key of the same system has the same bucket for ever.
 * Nested: the candidate holds the low end of the range, so everyone who had it at 5 % still has it at 25 %.
 */
export function assign(route: Route, key: string): Variant {
  const ppm = route.candidatePpm;
  if (ppm <= 0 || route.candidate === undefined) return "stable";
  if (ppm >= BUCKETS) return "candidate";
  return bucketOf(route.system, key) < ppm ? "candidate" : "stable";
}

/** The route that counts now: a candidate's share is a lease and ends with it, whoever has died meanwhile. */
export function effectiveRoute(route: Route, leaseUntil: Instant, now: Instant): Route {
  return now < leaseUntil || route.candidatePpm === 0 ? route : { ...route, candidatePpm: 0 };
}
