import type { Step } from "../core/plan.ts";
import type { Lease, Saga, StepRecord } from "../core/rollout.ts";
import type { Patience, SagaPorts } from "./step-run.ts";
import { runStep, type StepEnd } from "./step-runner.ts";

export const PATIENCE: Patience = { attempts: 5, callMs: 5000, pauseMs: 100 };

/** `completed`: every step read back. `stuck`: at least one step needs people; all others were still done. */
export type SagaEnd =
  | { readonly kind: "completed"; readonly saga: Saga }
  | { readonly kind: "stuck"; readonly saga: Saga; readonly steps: readonly string[] }
  | { readonly kind: "fenced" };

/**
 * Runs a saga from wherever its journal stands to its end; calling it again after a crash is how it recovers.
 * Owns: the order of steps. Does not own: choosing the plan, the lease's renewal, talking to people.
 * I1  A step starts only when all steps in its `after` are done; steps without such a tie run side by side.
 * I2  A step that is slow or stuck delays only what comes after it.
 * I3  Nothing is written once our fence is not the newest.
 */
export async function runSaga(
  ports: SagaPorts,
  saga: Saga,
  lease: Lease,
  patience: Patience = PATIENCE,
): Promise<SagaEnd> {
  const journal = new Map((await ports.store.steps(saga.id)).map((record) => [record.step, record]));
  const ends = new Map<string, Promise<StepEnd>>();
  const endOf = (step: Step): Promise<StepEnd> => {
    const known = ends.get(step.id);
    if (known) return known;
    const end = runAfter(ports, saga, step, lease, journal.get(step.id), patience, endOf);
    ends.set(step.id, end);
    return end;
  };
  const outcome = await Promise.all(saga.plan.steps.map(async (step) => ({ step, end: await endOf(step) })));
  if (outcome.some(({ end }) => end === "fenced")) return { kind: "fenced" };
  const stuck = outcome.filter(({ end }) => end === "stuck").map(({ step }) => step.id);
  return close(ports, saga, lease, stuck);
}

async function runAfter(
  ports: SagaPorts,
  saga: Saga,
  step: Step,
  lease: Lease,
  known: StepRecord | undefined,
  patience: Patience,
  endOf: (step: Step) => Promise<StepEnd>,
): Promise<StepEnd> {
  const earlier = saga.plan.steps.filter((other) => step.after.includes(other.id));
  const ends = await Promise.all(earlier.map(endOf));
  if (ends.includes("fenced")) return "fenced";
  if (ends.includes("stuck")) return "stuck";
  return runStep({ ports, saga, step, lease, patience }, known);
}

async function close(ports: SagaPorts, saga: Saga, lease: Lease, stuck: readonly string[]): Promise<SagaEnd> {
  const status = stuck.length > 0 ? "stuck" : "completed";
  const ended: Saga = {
    ...saga,
    status,
    endedAt: ports.clock.now(),
    ...(stuck.length > 0 ? { note: `stuck: ${stuck.join(", ")}` } : {}),
  };
  const entry = {
    type: "saga-ended",
    at: ports.clock.now(),
    system: saga.plan.system,
    actor: "rollbook",
    rollout: saga.rollout,
    data: { saga: saga.id, status, stuck: [...stuck], plan: saga.planDigest },
  } as const;
  const guard = { resource: lease.resource, fence: lease.fence };
  const written = await ports.store.commit(
    [
      { kind: "saga", saga: ended },
      { kind: "entry", entry },
    ],
    guard,
  );
  if (written.kind === "fenced") return { kind: "fenced" };
  return stuck.length > 0 ? { kind: "stuck", saga: ended, steps: stuck } : { kind: "completed", saga: ended };
}
