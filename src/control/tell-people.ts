import type { Run } from "./run.ts";

/** People are told beside the work; a dead channel delays nothing. */
export function tellPeople(run: Run, what: string, lines: readonly string[]): void {
  const subject = `${run.playbook.system}: ${run.candidate.label} ${what}`;
  run.ports.notifier.notify(run.playbook.who.now, subject, lines.join("\n")).catch(() => undefined);
}
