import type { Order, Rollout } from "../core/rollout.ts";
import type { Verdict } from "../core/verdict.ts";
import type { Run } from "./run.ts";

export function noteOf({ by, reason }: Order): string {
  return `${by}: ${reason}`;
}

/** What a promotion rests on where that is a person's order, and not its evidence. */
export function wordFor(order: Order | undefined, verdict: Verdict): Pick<Rollout, "promotedOn"> {
  if (order?.kind !== "promote" || verdict.kind === "healthy") return {};
  return { promotedOn: { by: order.by, reason: order.reason, verdict: verdict.kind } };
}

/** The order to go back, if there is one. */
export function cordOf(run: Run): Order | undefined {
  const { order } = run;
  return order?.kind === "rollback" || order?.kind === "abort" ? order : undefined;
}

/** The state with the standing order in it; without one, without what an order left behind. */
export function underOrder(next: Rollout, order: Order | undefined): Rollout {
  if (next.rollback || next.endedAt !== undefined) return next;
  const { order: before, ...rest } = next;
  if (!order) return before?.kind === "pause" && next.phase === "paused" ? unpaused(rest) : rest;
  if (order.kind === "promote") return { ...rest, order };
  const phase = next.promotedAt === undefined ? "paused" : next.phase;
  return { ...rest, phase, order, note: noteOf(order) };
}

function unpaused({ note: _, ...rest }: Rollout): Rollout {
  return { ...rest, phase: rest.step < 0 ? "pending" : "progressing" };
}
