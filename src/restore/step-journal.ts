import { digestOfJson } from "../core/digest.ts";
import type { EntryType } from "../core/entry.ts";
import type { Change } from "../core/ports.ts";
import type { StepRecord } from "../core/rollout.ts";
import type { StepScope } from "./step-run.ts";
import type { Live } from "./target-call.ts";

/** The record of an attempt that is about to be made; its key and its before-state are those of the first attempt. */
export function intentOf(
  { clock, saga, step, lease, direction, instead }: StepScope,
  known: StepRecord | undefined,
  live: Pick<Live, "digest" | "state">,
  attempts: number,
): StepRecord {
  const state = known ? known.state : live.state;
  return {
    saga: saga.id,
    step: step.id,
    ...(direction === "compensate" ? { direction } : {}),
    status: "intent",
    key:
      known?.key ?? digestOfJson({ saga: saga.id, step: step.id, direction, ...(instead && { after: instead.key }) }),
    fence: lease.fence,
    attempts,
    before: known?.before ?? live.digest,
    desired: step.desired,
    ...(state === undefined ? {} : { state }),
    intentAt: known?.intentAt ?? clock.now(),
    recovered: known !== undefined,
  };
}

/**
 * The intent of a step before its target was read: it says what the plan expects. Whoever finds it reads first, as with
 * any intent; what was expected wrongly is written once more, as it was observed. Undefined: nothing is expected to change.
 */
export function expectedIntentOf(scope: StepScope): StepRecord | undefined {
  const { before, desired } = scope.step;
  return before === undefined || before === desired ? undefined : intentOf(scope, undefined, { digest: before }, 1);
}

/** The record of a step whose target was read and serves what it should. */
export function doneOf(scope: StepScope, known: StepRecord | undefined, live: Live, recovered: boolean): StepRecord {
  return {
    ...(known ?? intentOf(scope, undefined, live, 0)),
    status: "done",
    found: live.digest,
    endedAt: scope.clock.now(),
    recovered,
    ...noteOnFinding(known, recovered),
  };
}

/** A first intent may say what the plan expected; whoever finds its step in place never saw what was there before. */
function noteOnFinding(known: StepRecord | undefined, recovered: boolean): Pick<StepRecord, "note"> {
  if (!known) return { note: "was in place already; nothing was sent" };
  return recovered && known.attempts === 1 ? { note: "was in place when it was read again after a crash" } : {};
}

/** The record of a step that people must decide; `found` is what its target served at last, if anybody knows. */
export function stuckOf(
  scope: StepScope,
  known: StepRecord | undefined,
  end: { readonly attempts: number; readonly found?: Live["digest"]; readonly note: string },
): StepRecord {
  // A step that was never read has no before-state; its record names the desired one, and nothing was sent.
  const live = { digest: end.found ?? scope.step.desired };
  return {
    ...(known ?? intentOf(scope, undefined, live, 0)),
    status: "stuck",
    attempts: Math.max(known?.attempts ?? 0, end.attempts),
    endedAt: scope.clock.now(),
    note: end.note,
    ...(end.found ? { found: end.found } : {}),
  };
}

const ENTRY_TYPES: Readonly<Record<StepRecord["status"], EntryType>> = {
  intent: "step-intent",
  done: "step-done",
  stuck: "step-stuck",
};

/** A record and its ledger entry: they are written together or not at all. */
export function changesOf({ clock, saga, step, direction }: StepScope, record: StepRecord): readonly Change[] {
  const { key, fence, targetFence, attempts, before, desired, found, state, note } = record;
  const entry = {
    type: ENTRY_TYPES[record.status],
    at: clock.now(),
    system: saga.plan.system,
    actor: "rollbook",
    rollout: saga.rollout,
    data: {
      saga: saga.id,
      plan: saga.planDigest,
      step: step.id,
      component: step.component,
      direction,
      key,
      fence,
      targetFence,
      attempts,
      before,
      desired,
      found,
      state,
      note,
    },
  } as const;
  return [
    { kind: "step", record },
    { kind: "entry", entry },
  ];
}
