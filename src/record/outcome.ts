import type { Rollout } from "../core/rollout.ts";

/** How a rollout ended, as reports and exit codes name it. */
export type ReportOutcome =
  | "promoted"
  | "rolled-back-verified"
  | "rolled-back-unverified"
  | "undecided"
  | "stuck"
  | "observed-harm"
  | "running";

/** How a rollout ended, from its own record. */
export function outcomeOf(rollout: Rollout): ReportOutcome {
  if (rollout.endedAt === undefined) return "running";
  if (rollout.wouldHave) return "observed-harm";
  if (rollout.phase === "healthy") return "promoted";
  if (rollout.rollback?.outcome === "stuck") return "stuck";
  if (rollout.rollback?.cause[0] === "undecided") return "undecided";
  if (rollout.rollback) return `rolled-back-${rollout.rollback.outcome === "verified" ? "verified" : "unverified"}`;
  return "undecided";
}
