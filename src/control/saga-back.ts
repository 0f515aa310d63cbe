import { type Plan, planDigest } from "../core/plan.ts";
import type { Saga } from "../core/rollout.ts";
import { withRivals } from "../decide/plan-rivals.ts";
import { planWayBack } from "../decide/way-back.ts";
import { restorePlace } from "./containment.ts";
import { sagaOf } from "./restoration.ts";
import { knownRivals } from "./rivals.ts";
import type { Run } from "./run.ts";

/**
 * The saga of the way back of everything that has one: its plan is the one that is ready, where that is the one for this.
 * Where no plan leads back it is stuck from its start, and says why: the rollback is recorded, people are told, and a new
 * saga follows when they have mended it, as after any other that is stuck. Not yet recorded.
 */
export async function sagaBack(run: Run): Promise<Saga> {
  const { playbook, candidate, stable, rollout } = run;
  const ready = run.plans.current();
  const { plan, digest } = ready ?? {};
  const fits = ready?.rollout === rollout.id && ready.to.id === stable.id && ready.from.id === candidate.id;
  if (fits && plan && digest) return sagaOf(run, { plan, digest });
  const back = planWayBack(playbook, candidate, stable, restorePlace(run), run.plans.past());
  const planned = withRivals(back.planned, await knownRivals(run));
  return planned.kind === "planned" ? sagaOf(run, planned) : stuckSaga(run, planned.reasons);
}

function stuckSaga(run: Run, reasons: readonly string[]): Saga {
  const { playbook, candidate, stable } = run;
  const { system, how } = playbook;
  const plan: Plan = { system, kind: "rollback", from: candidate.id, to: stable.id, steps: [], deadline: how.within };
  const saga = sagaOf(run, { plan, digest: planDigest(plan) });
  const note = `no plan leads back to ${stable.label}: ${reasons.join("; ")}`;
  return { ...saga, status: "stuck", endedAt: saga.startedAt, note };
}
