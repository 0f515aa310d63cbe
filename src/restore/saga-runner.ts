import type { Change } from "../core/ports.ts";
import type { Lease, Saga } from "../core/rollout.ts";
import { createSagaJournal } from "./saga-journal.ts";
import { firstIntents, runSteps } from "./step-order.ts";
import type { Patience, SagaPorts } from "./step-run.ts";

export const PATIENCE: Patience = { attempts: 5, callMs: 5000, pauseMs: 100 };

/** `completed`: every step read back. `stuck`: at least one step needs people; all others were still done. */
export type SagaEnd =
  | { readonly kind: "completed"; readonly saga: Saga }
  | { readonly kind: "stuck"; readonly saga: Saga; readonly steps: readonly string[] }
  | { readonly kind: "fenced" };

/**
 * What a new saga is written with by whoever decides on it: itself, and the intents of the steps that wait for no other,
 * so that decision and first effect are one commit apart.
 */
export function startSaga({ clock }: Pick<SagaPorts, "clock">, saga: Saga, lease: Lease): readonly Change[] {
  return [{ kind: "saga", saga }, ...firstIntents({ clock, saga, lease }, saga.plan.steps)];
}

/** The same saga, started once more under this lease. */
function started(saga: Saga, { fence }: Lease): Saga {
  return { ...saga, fence, starts: (saga.starts ?? 1) + 1 };
}

/**
 * Runs a saga from wherever its journal stands to its end; calling it again after a crash is how it recovers.
 * Owns: the saga's record. Does not own: choosing the plan, the lease's renewal, talking to people.
 * I1  Nothing is written once our fence is not the newest.
 * I2  A run takes a new fence: what carries ours when we begin was written with the start, and nothing was sent under it.
 */
export async function runSaga(
  ports: SagaPorts,
  given: Saga,
  lease: Lease,
  patience: Patience = PATIENCE,
): Promise<SagaEnd> {
  const journal = createSagaJournal(ports, lease);
  const fresh = given.fence === lease.fence;
  const saga = fresh ? given : started(given, lease);
  if (!fresh && !(await journal.write([], [{ kind: "saga", saga }]))) return { kind: "fenced" };
  const known = new Map((await ports.store.steps(saga.id)).map((record) => [record.step, record]));
  let ended: Saga | undefined;
  const atEnd = (stuck: readonly string[]): readonly Change[] => {
    ended = endOf(saga, stuck, ports.clock.now());
    return [{ kind: "saga", saga: ended }, endEntry(ended, stuck)];
  };
  const course = { ports, saga, lease, patience, journal, steps: saga.plan.steps, known, unspent: fresh, atEnd };
  const stuck = await runSteps(course);
  if (stuck === "fenced" || !ended) return { kind: "fenced" };
  return stuck.length > 0 ? { kind: "stuck", saga: ended, steps: stuck } : { kind: "completed", saga: ended };
}

function endOf(saga: Saga, stuck: readonly string[], endedAt: number): Saga {
  if (stuck.length === 0) return { ...saga, status: "completed", endedAt };
  return { ...saga, status: "stuck", endedAt, note: `stuck: ${stuck.join(", ")}` };
}

function endEntry({ id, rollout, plan, planDigest, status, endedAt }: Saga, stuck: readonly string[]): Change {
  const data = { saga: id, status, stuck: [...stuck], plan: planDigest };
  const at = endedAt ?? 0;
  return { kind: "entry", entry: { type: "saga-ended", at, system: plan.system, actor: "rollbook", rollout, data } };
}
