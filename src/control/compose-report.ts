import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { BusinessSignal } from "../record/business-signal.ts";
import { buildReport, type LedgerState, type Report } from "../record/report.ts";
import type { ControlPorts } from "./ports.ts";
import { sealOf } from "./seal.ts";

/** Gathers what a report is made of and builds it. */
export async function composeReport(
  ports: ControlPorts,
  playbook: Playbook,
  id: string,
  facts: { readonly ledger: () => Promise<LedgerState>; readonly lastCandidateDispatch: () => number | undefined },
): Promise<Report> {
  const record = await ports.store.record(id);
  if (!record) throw new RollbookError("NOT_FOUND", { what: `rollout ${id}` });
  const stable = await ports.store.release(record.rollout.stable);
  const candidate = await ports.store.release(record.rollout.candidate);
  if (!stable || !candidate) throw new RollbookError("NOT_FOUND", { what: `release of rollout ${id}` });
  const quarantine = await ports.store.quarantine(candidate.id);
  const { rollout } = record;
  const ledger = await facts.ledger();
  const last = facts.lastCandidateDispatch();
  const seen = last !== undefined && last <= (rollout.endedAt ?? last) ? last : undefined;
  return buildReport({
    record,
    stable,
    candidate,
    quarantined: quarantine !== undefined && !quarantine.liftedBy,
    signals: playbook.signals.map(
      (signal): BusinessSignal => ({
        name: signal.name,
        part: signal.part,
        of: signal.of,
        badIs: signal.better === "down" ? "part" : "rest",
        technical: signal.from === "gateway",
      }),
    ),
    route: {
      candidatePercent: rollout.rollback || rollout.step < 0 ? 0 : (playbook.how.steps[rollout.step] ?? 0),
      ...(seen === undefined ? {} : { lastCandidateDispatch: seen }),
    },
    ledger: { ...ledger, verified: ledger.verified && (await sealOf(ports.store, record)) !== "broken" },
  });
}
