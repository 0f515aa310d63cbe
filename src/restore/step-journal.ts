import { digestOfJson } from "../core/digest.ts";
import type { EntryDraft, EntryType } from "../core/entry.ts";
import type { StepRecord } from "../core/rollout.ts";
import type { StepRun } from "./step-run.ts";
import type { Live } from "./target-call.ts";

/** The record of an attempt that is about to be made; its key and its before-state are those of the first attempt. */
export function intentOf(run: StepRun, known: StepRecord | undefined, live: Live, attempts: number): StepRecord {
  const { ports, saga, step, lease } = run;
  return {
    saga: saga.id,
    step: step.id,
    status: "intent",
    key: known?.key ?? keyOf(run),
    fence: lease.fence,
    attempts,
    before: known?.before ?? live.digest,
    desired: step.desired,
    intentAt: known?.intentAt ?? ports.clock.now(),
    recovered: known !== undefined,
  };
}

/** The record of a step whose target was read and serves what it should. */
export function doneOf(run: StepRun, known: StepRecord | undefined, live: Live, recovered: boolean): StepRecord {
  return {
    ...(known ?? intentOf(run, undefined, live, 0)),
    status: "done",
    found: live.digest,
    endedAt: run.ports.clock.now(),
    recovered,
    ...(known ? {} : { note: "was in place already; nothing was sent" }),
  };
}

/** The record of a step that people must decide; `found` is what its target served at last, if anybody knows. */
export function stuckOf(
  run: StepRun,
  known: StepRecord | undefined,
  end: { readonly attempts: number; readonly found?: Live["digest"]; readonly note: string },
): StepRecord {
  const { ports, step } = run;
  // A step that was never read has no before-state; its record names the desired one, and nothing was sent.
  const live: Live = { kind: "live", digest: end.found ?? step.desired, version: "" };
  return {
    ...(known ?? intentOf(run, undefined, live, 0)),
    status: "stuck",
    attempts: Math.max(known?.attempts ?? 0, end.attempts),
    endedAt: ports.clock.now(),
    note: end.note,
    ...(end.found ? { found: end.found } : {}),
  };
}

function keyOf({ saga, step }: StepRun): string {
  return digestOfJson({ saga: saga.id, step: step.id });
}

const ENTRY_TYPES: Readonly<Record<StepRecord["status"], EntryType>> = {
  intent: "step-intent",
  done: "step-done",
  stuck: "step-stuck",
};

/** Writes a record and its ledger entry, both or none; false when our fence is not the newest any more. */
export async function writeStep(run: StepRun, record: StepRecord): Promise<boolean> {
  const { ports, saga, step, lease } = run;
  const { key, fence, attempts, before, desired, found, note } = record;
  const entry: EntryDraft = {
    type: ENTRY_TYPES[record.status],
    at: ports.clock.now(),
    system: saga.plan.system,
    actor: "rollbook",
    rollout: saga.rollout,
    data: {
      saga: saga.id,
      step: step.id,
      component: step.component,
      key,
      fence,
      attempts,
      before,
      desired,
      found,
      note,
    },
  };
  const written = await ports.store.commit(
    [
      { kind: "step", record },
      { kind: "entry", entry },
    ],
    { resource: lease.resource, fence: lease.fence },
  );
  if (written.kind === "committed") ports.onStep(record);
  return written.kind === "committed";
}
