import { planCommits, type Shape } from "./commits.ts";
import type { Session } from "./database.ts";
import { sagasOfRollout, stepsOfSaga } from "./sagas.ts";
import { sql } from "./statement.ts";

const DECISION = ["rollout", "saga", "step", "route", "quarantine", "entry"] as const;

/** What a rollback writes: its decision, with counts or without, its steps, and its end. */
const SHAPES: readonly Shape[] = [
  { kinds: [...DECISION, "samples"], claims: true },
  { kinds: DECISION, claims: true },
  { kinds: ["step", "entry"] },
  { kinds: ["saga", "step", "entry"] },
];

/**
 * Lets a new connection plan what a rollback will ask of it. Decisions come seldom, and connections live ten minutes: the
 * first effect of nearly each would wait for the plans, which take longer than the commit.
 */
export async function warmUp(session: Session): Promise<void> {
  await planCommits(session, SHAPES);
  await session.query(sql`SELECT fence_floor()`);
  await sagasOfRollout(session, "");
  await stepsOfSaga(session, "");
}
