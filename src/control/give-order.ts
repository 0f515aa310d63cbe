import { RollbookError } from "../core/errors.ts";
import { refuse } from "../core/refusal.ts";
import type { Order, Rollout } from "../core/rollout.ts";
import type { Verdict } from "../core/verdict.ts";
import { FencedError } from "./fenced-error.ts";
import { cordOf } from "./order.ts";
import { entryOf, type Run, routeTo, save } from "./run.ts";
import { haltRestore } from "./steer-restore.ts";

/**
 * A person pulls the cord: the candidate gets no new request from here on, and the order is durable when this returns.
 * The way back follows within one tick; a rollback that is on its way already goes on as it is. Answers whether the rollout
 * was settled at that very moment: the edge serves stable, and what is settled has to be taken back.
 * @throws NOT_FOUND when the rollout has ended, NOT_RECORDED when the order stands and is not durable yet.
 */
export async function pullCord(run: Run, order: Order, given?: string): Promise<boolean> {
  const { rollout, candidate, ports } = run;
  if (rollout.endedAt !== undefined) throw ended(rollout);
  if (!cordOf(run)) run.order = order;
  const route = ports.traffic.current(rollout.system);
  const acts = run.playbook.authority === "act";
  if (acts && route?.candidate === candidate.id && route.candidatePpm > 0) ports.traffic.set(routeTo(run, 0));
  const { kind, by, reason } = order;
  const entry = given === undefined ? [] : [entryOf(run, "ordered", { order: kind, reason, given }, by)];
  await save(run, () => run.rollout, entry).catch((error: Error) => {
    // The loop has it in memory, and records it as soon as the store takes it.
    throw error instanceof FencedError ? error : new RollbookError("NOT_RECORDED", { reason: error.message });
  });
  const settled = run.rollout.endedAt !== undefined && run.rollout.phase === "healthy";
  if (settled && !acts) throw ended(run.rollout);
  return settled;
}

/**
 * A person holds a rollout where it is, ends its waiting, or (`undefined`) lets it go on. Judging never stops, and harm
 * found later still goes back by itself. Held on its way back, the restore is halted; nobody can hold a containment.
 * @throws NOT_FOUND when it has ended, RELEASE_REFUSED when it is on its way back or the order contradicts the evidence.
 */
export async function steer(run: Run, order: Order | undefined, by: string, given?: string): Promise<void> {
  const { rollout } = run;
  if (rollout.endedAt !== undefined) throw ended(rollout);
  if (rollout.rollback && order?.kind === "pause") return haltRestore(run, order, given);
  if (rollout.rollback || cordOf(run))
    throw refuse(`rollout ${rollout.id} is on its way back`, "Wait for its end; `rollbook pause` halts its restore.");
  if (order?.kind === "promote") forbidBlindPromotion(run);
  const before = run.order;
  run.order = order;
  const data = { order: order?.kind ?? "resume", reason: order?.reason, verdict: run.verdict?.kind, given };
  await save(run, () => run.rollout, [entryOf(run, "ordered", data, by)]).catch((error: unknown) => {
    // What was answered with an error is not obeyed later; a cord that came meanwhile stands.
    if (run.order === order) run.order = before;
    throw error;
  });
}

const PROMOTE_LATER: Readonly<Record<Verdict["kind"], string>> = {
  healthy: "",
  inconclusive: "",
  "no-data": "Wait for data, and look at its signals: `rollbook status`.",
  "instrument-error": "Mend what the counts are doubted for: `rollbook explain` names it.",
  harmful: "Nothing: it goes back by itself.",
};

/** People may end the waiting, and not the evidence: what was never seen, or cannot be trusted, is not promoted. */
function forbidBlindPromotion({ rollout, verdict, playbook }: Run): void {
  if (playbook.authority === "observe" || rollout.promotedAt !== undefined) return;
  if (rollout.step < 0) throw refuse("nothing of it was exposed yet", "Wait until requests reach it.");
  const kind = verdict?.kind ?? "no-data";
  if (kind !== "healthy" && kind !== "inconclusive") throw refuse(`its newest verdict is ${kind}`, PROMOTE_LATER[kind]);
}

function ended(rollout: Rollout): RollbookError {
  return new RollbookError("NOT_FOUND", { what: `running rollout ${rollout.id}: it has ended` });
}
