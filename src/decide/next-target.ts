import type { Release, ReleaseId } from "../core/release.ts";
import { containmentOf, type Fallbacks } from "./containment.ts";

/** Where a rollback goes after a restore that is still harmful. */
export type Target =
  | { readonly kind: "release"; readonly release: Release }
  /** Traffic goes there and stays; people decide. */
  | { readonly kind: "else" | "safe" | "people" };

/** A release that was the last known good once, and what speaks against it now. */
export interface OlderRelease {
  readonly release: Release;
  readonly reasons: readonly string[];
}

export interface TargetFacts {
  /** Releases that were restored in this rollback and proved harmful. */
  readonly tried: readonly ReleaseId[];
  /** Newest first. */
  readonly older: readonly OlderRelease[];
  readonly fallbacks: Fallbacks;
}

/** So many releases are restored in one rollback at most: when three were harmful, it is hardly the releases. */
export const MOST_RELEASES = 3;

/** Each target is tried once: the newest qualified older release, then the other way, then the safe state, then people. */
export function nextTarget({ tried, older, fallbacks }: TargetFacts): {
  readonly target: Target;
  /** Why newer ones were passed over. */
  readonly passedOver: readonly string[];
} {
  const passedOver: string[] = [];
  for (const { release, reasons } of older) {
    if (tried.includes(release.id)) continue;
    if (tried.length >= MOST_RELEASES) {
      passedOver.push(`${release.label}: ${tried.length} releases were tried already`);
      break;
    }
    if (reasons.length === 0) return { target: { kind: "release", release }, passedOver };
    passedOver.push(`${release.label}: ${reasons.join(", ")}`);
  }
  const where = containmentOf(false, fallbacks);
  return { target: { kind: where === "else" || where === "safe" ? where : "people" }, passedOver };
}
