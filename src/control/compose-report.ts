import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { BusinessSignal } from "../record/business-signal.ts";
import { buildReport, type LedgerState, type Report } from "../record/report.ts";
import type { ControlPorts } from "./ports.ts";

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
  const last = facts.lastCandidateDispatch();
  const route = ports.traffic.current(playbook.system);
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
      candidatePercent: (route?.candidatePpm ?? 0) / 10_000,
      ...(last === undefined ? {} : { lastCandidateDispatch: last }),
    },
    ledger: await facts.ledger(),
  });
}
