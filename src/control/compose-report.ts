import { bucketOf, SCORE_PARTS, valueAt } from "../core/cells.ts";
import { RollbookError } from "../core/errors.ts";
import type { Playbook, Signal } from "../core/playbook.ts";
import type { Rollout } from "../core/rollout.ts";
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
    signals: playbook.signals.map((signal) => businessSignal(signal, rollout)),
    route: {
      candidatePercent: rollout.rollback || rollout.step < 0 ? 0 : (playbook.how.steps[rollout.step] ?? 0),
      ...(seen === undefined ? {} : { lastCandidateDispatch: seen }),
    },
    ledger: { ...ledger, verified: ledger.verified && (await sealOf(ports.store, record)) !== "broken" },
  });
}

function businessSignal(signal: Signal, rollout: Rollout): BusinessSignal {
  const { name, part, of, better, from } = signal;
  const values = valuesOf(signal, rollout);
  const badIs = better === "down" ? ("part" as const) : ("rest" as const);
  return { name, part, of, badIs, technical: from === "gateway", ...(values ? { values } : {}) };
}

/** Values are good or bad by a line: what was called slow (else a second), the middle of a scale, or stable's mean before. */
function valuesOf(
  { name, kind, of, part, better, range }: Signal,
  { verdict, frozen }: Rollout,
): BusinessSignal["values"] {
  if (kind === "time") {
    const slow = verdict?.findings.find(({ signal, threshold }) => signal === name && threshold !== undefined);
    const threshold = slow?.threshold ?? 1;
    const border = bucketOf(threshold);
    return { meaning: `${of} slower than ${Number(threshold.toPrecision(3))} s`, isBad: (cell) => cell > border };
  }
  if (kind !== "mean") return undefined;
  if (range === undefined) {
    const { n = 0, cells = [] } = frozen.find(({ signal }) => signal === name) ?? {};
    const middle = cells.reduce((sum, [cell, count]) => sum + valueAt(cell) * count, 0) / Math.max(1, n);
    const side = better === "down" ? "above" : "below";
    const isBad = (cell: number) => (better === "down" ? valueAt(cell) > middle : valueAt(cell) < middle);
    return { meaning: `${of} whose ${part} is ${side} stable's mean of ${Number(middle.toPrecision(3))}`, isBad };
  }
  const middle = (range[0] + range[1]) / 2;
  const half = SCORE_PARTS / 2;
  if (better === "down") return { meaning: `${of} whose ${part} is above ${middle}`, isBad: (cell) => cell > half };
  return { meaning: `${of} whose ${part} is below ${middle}`, isBad: (cell) => cell < half };
}
