import { OVER } from "../core/deadline.ts";
import { formatDuration } from "../core/time.ts";
import type { Run } from "./run.ts";

/**
 * Tells more people, stage by stage, as long as the rollback is not over. After a restart a stage that has passed is told
 * at once: better twice than never. Answers how to end it.
 */
export function escalate(run: Run): () => void {
  const over = new AbortController();
  const { clock, notifier } = run.ports;
  for (const { after, audience } of run.playbook.who.later ?? []) {
    const wait = async () => {
      const due = (run.rollout.rollback?.decidedAt ?? clock.now()) + after;
      await clock.sleep(Math.max(0, due - clock.now()), over.signal);
      const { endedAt, rollback } = run.rollout;
      if (over.signal.aborted || (endedAt !== undefined && rollback?.outcome !== "stuck")) return;
      const subject = `${run.playbook.system}: ${run.candidate.label} is not back and proved fixed after ${formatDuration(after)}`;
      await notifier.notify(audience, subject, (run.rollout.rollback?.cause ?? []).join("\n"), run.rollout.id);
    };
    wait().catch(() => undefined);
  }
  return () => over.abort(OVER);
}

/** People are told beside the work; a dead channel delays nothing. */
export function tellPeople(
  run: Pick<Run, "ports" | "playbook" | "candidate" | "rollout">,
  what: string,
  lines: readonly string[],
): void {
  const subject = `${run.playbook.system}: ${run.candidate.label} ${what}`;
  run.ports.notifier.notify(run.playbook.who.now, subject, lines.join("\n"), run.rollout.id).catch(() => undefined);
}
