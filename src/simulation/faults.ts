import type { Random } from "../core/ports.ts";
import type { Milliseconds } from "../core/time.ts";
import { drawChance, drawExponential } from "./draws.ts";

/**
 * What can go wrong between a controller and a target. `lost-request`: it never arrives. `lost-reply`: it had its
 * effect and nobody hears of it. `slow`: it arrives late, even after the caller gave up. `duplicate`: it is delivered
 * twice, the second time later. `rival-write`: someone else writes just before it arrives. `unreachable`: a read fails.
 * `half-applied`: for a while the target serves a mixture of old and new. `late-view`: it says yes, and shows the old for a while.
 */
export const faultKinds = [
  "lost-request",
  "lost-reply",
  "slow",
  "duplicate",
  "rival-write",
  "unreachable",
  "half-applied",
  "late-view",
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** Probability of each fault per call, and the mean of the exponential delay that `slow` and `duplicate` take. */
export interface FaultRates {
  readonly rates?: Readonly<Partial<Record<FaultKind, number>>>;
  readonly meanDelay?: Milliseconds;
}

/** Decides by seed, or by order of a test, which faults a call meets; and counts those that it injected. */
export interface FaultInjector {
  /** Does this call meet the fault? Counts it if so. */
  strikes(kind: FaultKind): boolean;
  /** How long this delay is. */
  delay(): Milliseconds;
  /** The next call that could meet this fault will. */
  inject(kind: FaultKind): void;
  readonly counts: Readonly<Record<FaultKind, number>>;
}

export function createFaultInjector(random: Random, { rates = {}, meanDelay = 2000 }: FaultRates): FaultInjector {
  const ordered: FaultKind[] = [];
  const counts = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  return {
    counts,
    inject: (kind) => void ordered.push(kind),
    delay: () => drawExponential(random, meanDelay),
    strikes(kind) {
      const place = ordered.indexOf(kind);
      const struck = drawChance(random, rates[kind] ?? 0) || place !== -1;
      if (place !== -1) ordered.splice(place, 1);
      if (struck) counts[kind]++;
      return struck;
    },
  };
}
