import type { Rollout } from "../core/rollout.ts";

/** A person's order to go back. */
export interface Cord {
  readonly by: string;
  readonly reason: string;
}

export function noteOf(cord: Cord): string {
  return `${cord.by}: ${cord.reason}`;
}

/** The cord that was pulled before a restart, from what `save` recorded of it. */
export function cordIn({ phase, endedAt, rollback, note = "" }: Rollout): Cord | undefined {
  if (phase !== "paused" || endedAt !== undefined || rollback) return undefined;
  const colon = note.indexOf(": ");
  return { by: note.slice(0, colon), reason: note.slice(colon + 2) };
}
