import type { Playbook } from "../core/playbook.ts";
import type { Rollback, Rollout, Saga } from "../core/rollout.ts";
import { planRollback } from "../decide/plan-change.ts";
import type { ControlPorts } from "./ports.ts";

/**
 * Opens the newest rollout again when its rollback got stuck and people have mended the target: a new saga over the
 * same plan, which reads every component before it touches one, so what is back already is left alone. Answers
 * undefined when the newest rollout is not stuck.
 */
export async function reopenStuck(ports: ControlPorts, playbook: Playbook): Promise<Rollout | undefined> {
  const { store, clock, ids } = ports;
  const [newest] = await store.rollouts(playbook.system);
  if (newest?.rollback?.outcome !== "stuck") return undefined;
  const stable = await store.release(newest.stable);
  const candidate = await store.release(newest.candidate);
  const planned = stable && candidate && planRollback(playbook, candidate, stable);
  if (planned?.kind !== "planned") return undefined;
  const now = clock.now();
  const saga: Saga = {
    id: ids.next("saga"),
    rollout: newest.id,
    plan: planned.plan,
    planDigest: planned.digest as Saga["planDigest"],
    status: "running",
    startedAt: now,
  };
  const { outcome: _, endedAt: __, ...before } = newest.rollback;
  const rollback: Rollback = { ...before, saga: saga.id };
  const { endedAt: ___, note: ____, ...open } = newest;
  const rollout: Rollout = { ...open, rollback };
  const data = {
    saga: saga.id,
    plan: saga.planDigest,
    after: newest.rollback.saga,
    steps: saga.plan.steps.map((s) => s.id),
  };
  const entry = {
    type: "saga-started",
    at: now,
    system: playbook.system,
    actor: "rollbook",
    rollout: newest.id,
    data,
  } as const;
  await store.commit([
    { kind: "rollout", rollout },
    { kind: "saga", saga },
    { kind: "entry", entry },
  ]);
  return rollout;
}
