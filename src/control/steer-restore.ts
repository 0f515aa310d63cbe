import { RollbookError } from "../core/errors.ts";
import { refuse } from "../core/refusal.ts";
import type { Order, Rollout, Saga } from "../core/rollout.ts";
import { turnSaga } from "../restore/saga-runner.ts";
import type { ControlPorts } from "./ports.ts";
import { entryOf, type Run, save } from "./run.ts";

/**
 * A person halts a restore: what is being changed is finished, nothing else is begun, and traffic stays contained. The order
 * is durable when this returns, and holds over restarts until a person says how it goes on.
 * @throws RELEASE_REFUSED when there is nothing left to halt.
 */
export async function haltRestore(run: Run, order: Order, given?: string): Promise<void> {
  const { rollback } = run.rollout;
  if (!rollback || rollback.restoredAt !== undefined || rollback.outcome)
    throw refuse(
      "nothing is being restored",
      "Nothing: there is nothing to halt. `rollbook status` says how it stands.",
    );
  // Halted once is enough; an order that has an id is recorded all the same.
  if (rollback.halted && given === undefined) return;
  const halted = rollback.halted ?? order;
  await save(run, () => ({ ...run.rollout, rollback: { ...(run.rollout.rollback ?? rollback), halted } }), [
    entryOf(run, "ordered", { order: "halt", reason: order.reason, given }, order.by),
  ]);
}

/**
 * A stuck or halted rollback that a person takes up again: the next run restores by a new saga. It is open from here on, so
 * that it is taken up until one does.
 */
export async function takeUpRestore(ports: ControlPorts, rollout: Rollout, by: string, given?: string): Promise<void> {
  const { halted: _, held: __, endedAt: ___, ...rollback } = rollout.rollback!;
  const { endedAt: ____, ...open } = rollout;
  const entry = ordered(ports, rollout, by, { order: "resume", was: rollout.note, given });
  await ports.store.commit([{ kind: "rollout", rollout: { ...open, rollback } }, entry]);
}

/**
 * A person puts back what a stuck or halted restore has changed: those components serve the release that went back again.
 * Traffic stays contained.
 * @throws NOT_FOUND when the saga is not known.
 */
export async function turnRestore(
  ports: ControlPorts,
  rollout: Rollout,
  by: string,
  reason: string,
  given?: string,
): Promise<void> {
  const { outcome: _, endedAt: __, halted: ___, restoredAt: ____, ...rollback } = rollout.rollback!;
  const sagas: readonly Saga[] = (await ports.store.record(rollout.id))?.sagas ?? [];
  const saga = sagas.find(({ id }) => id === rollback.saga);
  if (!saga) throw new RollbookError("NOT_FOUND", { what: `saga of rollout ${rollout.id}` });
  const { endedAt: _____, ...open } = rollout;
  await ports.store.commit([
    { kind: "rollout", rollout: { ...open, rollback: { ...rollback, held: true } } },
    ordered(ports, rollout, by, { order: "redeploy", reason, given }),
    ...turnSaga({ ...saga, starts: 0 }, ports.clock.now(), by, `${by}: ${reason}`),
  ]);
}

function ordered(
  ports: ControlPorts,
  { id, system }: Rollout,
  by: string,
  data: { readonly [key: string]: string | undefined },
) {
  const entry = { type: "ordered", at: ports.clock.now(), system, actor: by, rollout: id, data } as const;
  return { kind: "entry", entry } as const;
}
