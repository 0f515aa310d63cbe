import { RollbookError } from "../core/errors.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Cord } from "./cord.ts";
import { type Run, routeTo, save } from "./run.ts";

/**
 * A person pulls the cord: the candidate gets no new request from here on, and the order is durable when this returns.
 * The way back follows within one tick; a rollback that is on its way already goes on as it is.
 * @throws NOT_FOUND when the rollout ended in the meantime.
 */
export async function pullCord(run: Run, cord: Cord): Promise<void> {
  const { rollout, candidate, ports } = run;
  if (rollout.endedAt !== undefined) throw ended(rollout);
  run.cord ??= cord;
  const route = ports.traffic.current(rollout.system);
  if (route?.candidate === candidate.id && route.candidatePpm > 0) ports.traffic.set(routeTo(run, 0));
  await save(run, () => run.rollout);
  if (run.rollout.endedAt !== undefined && run.rollout.phase === "healthy") throw ended(run.rollout);
}

function ended(rollout: Rollout): RollbookError {
  return new RollbookError("NOT_FOUND", { what: `running rollout ${rollout.id}: it has ended` });
}
