import { digestOfJson } from "../core/digest.ts";
import type { EntryDraft, EntryType } from "../core/entry.ts";
import type { Step } from "../core/plan.ts";
import type { Applied, Clock, Observed, RestoreAdapter, Store } from "../core/ports.ts";
import type { Lease, Saga, StepRecord } from "../core/rollout.ts";
import type { AtCrashPoint } from "./crash-point.ts";

/** What a step needs of the outside. */
export interface SagaPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly adapterFor: (at: string) => RestoreAdapter;
  readonly atCrashPoint: AtCrashPoint;
  readonly onStep: (record: StepRecord) => void;
}

export interface Patience {
  /** Attempts are counted before they are made; after this many the step is stuck. */
  readonly attempts: number;
  /** One call to a target may take this long. */
  readonly callMs: number;
  /** Pause before the second attempt; it doubles up to sixteen times this. */
  readonly pauseMs: number;
}

/** `done`: read back by identity. `stuck`: undecidable, people decide. `fenced`: somebody newer acts; stop at once. */
export type StepEnd = "done" | "stuck" | "fenced";

type Live = Extract<Observed, { kind: "live" }>;

/**
 * Runs one step of a saga to its end.
 * Owns: the step's record. Does not own: the lease, the order of steps.
 * I1  The effect is sent only after its intent is durable, under our fence.
 * I2  Before every send, first or repeated, the target is read; what equals neither before nor desired is never touched.
 * I3  `done` is written only after the target was read and serves the desired digest.
 */
export async function runStep(
  ports: SagaPorts,
  saga: Saga,
  step: Step,
  lease: Lease,
  known: StepRecord | undefined,
  patience: Patience,
): Promise<StepEnd> {
  const adapter = ports.adapterFor(step.at);
  let record = known;
  if (record?.status === "done") return "done";
  const recovered = record !== undefined;
  let lastReason = "the target never answered";

  for (let attempt = record?.attempts ?? 0; attempt < patience.attempts; ) {
    const live = await readLive(ports, adapter, step, patience);
    if (live.kind === "unreachable") {
      lastReason = `cannot be read: ${live.reason}`;
      attempt += 1;
      await ports.clock.sleep(pause(patience, attempt));
      continue;
    }
    if (live.digest === step.desired) return finish(ports, saga, step, lease, record, live, recovered);
    if (record && live.digest !== record.before) {
      return giveUp(ports, saga, step, lease, record, live.digest, "somebody else changed it after our intent");
    }
    attempt += 1;
    record = intentOf(ports, saga, step, lease, record, live, attempt);
    if (!(await write(ports, saga, step, lease, record, "step-intent"))) return "fenced";
    ports.atCrashPoint("saga.intent-recorded");
    const answer = await send(ports, adapter, step, record, live, patience);
    ports.atCrashPoint("saga.effect-sent");
    if (answer.kind === "stale") return "fenced";
    if (answer.kind === "refused") return giveUp(ports, saga, step, lease, record, live.digest, answer.reason);
    if ("reason" in answer) lastReason = answer.reason;
    else {
      const after = await readLive(ports, adapter, step, patience);
      ports.atCrashPoint("saga.effect-read-back");
      if (after.kind === "live" && after.digest === step.desired) {
        return finish(ports, saga, step, lease, record, after, recovered);
      }
      lastReason = "the target said yes, but does not serve it yet";
    }
    await ports.clock.sleep(pause(patience, attempt));
  }
  return giveUp(
    ports,
    saga,
    step,
    lease,
    record,
    record?.before,
    `${lastReason}; gave up after ${patience.attempts} attempts`,
  );
}

function pause(patience: Patience, attempt: number): number {
  return patience.pauseMs * Math.min(16, 2 ** (attempt - 1));
}

/** A deadline that runs on the injected clock, so that it can be simulated. */
async function within<T>(ports: SagaPorts, ms: number, late: T, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const done = new AbortController();
  const overdue = new AbortController();
  const timer = ports.clock.sleep(ms, done.signal).then(() => {
    overdue.abort();
    return late;
  });
  try {
    return await Promise.race([call(overdue.signal), timer]);
  } finally {
    done.abort();
  }
}

function readLive(ports: SagaPorts, adapter: RestoreAdapter, step: Step, patience: Patience): Promise<Observed> {
  const late: Observed = { kind: "unreachable", reason: `no answer within ${patience.callMs} ms` };
  return within(ports, patience.callMs, late, (signal) => adapter.read(step.at, signal));
}

function send(
  ports: SagaPorts,
  adapter: RestoreAdapter,
  step: Step,
  record: StepRecord,
  live: Live,
  patience: Patience,
): Promise<Applied> {
  const late: Applied = { kind: "unknown", reason: `no answer within ${patience.callMs} ms` };
  const before = { digest: live.digest, version: live.version };
  const request = { at: step.at, desired: step.desired, before, key: record.key, fence: record.fence };
  return within(ports, patience.callMs, late, (signal) => adapter.apply(request, signal));
}

function intentOf(
  ports: SagaPorts,
  saga: Saga,
  step: Step,
  lease: Lease,
  known: StepRecord | undefined,
  live: Live,
  attempts: number,
): StepRecord {
  return {
    saga: saga.id,
    step: step.id,
    status: "intent",
    key: known?.key ?? digestOfJson({ saga: saga.id, step: step.id }),
    fence: lease.fence,
    attempts,
    before: known?.before ?? live.digest,
    desired: step.desired,
    intentAt: known?.intentAt ?? ports.clock.now(),
    recovered: known !== undefined,
  };
}

async function finish(
  ports: SagaPorts,
  saga: Saga,
  step: Step,
  lease: Lease,
  known: StepRecord | undefined,
  live: Live,
  recovered: boolean,
): Promise<StepEnd> {
  const intent = known ?? intentOf(ports, saga, step, lease, undefined, live, 0);
  const record: StepRecord = {
    ...intent,
    status: "done",
    found: live.digest,
    endedAt: ports.clock.now(),
    recovered,
    ...(known ? {} : { note: "was in place already; nothing was sent" }),
  };
  if (!(await write(ports, saga, step, lease, record, "step-done"))) return "fenced";
  ports.atCrashPoint("saga.step-recorded");
  return "done";
}

async function giveUp(
  ports: SagaPorts,
  saga: Saga,
  step: Step,
  lease: Lease,
  known: StepRecord | undefined,
  found: StepRecord["found"],
  note: string,
): Promise<StepEnd> {
  const base: StepRecord = known ?? {
    saga: saga.id,
    step: step.id,
    status: "stuck",
    key: digestOfJson({ saga: saga.id, step: step.id }),
    fence: lease.fence,
    attempts: 0,
    before: step.desired,
    desired: step.desired,
    intentAt: ports.clock.now(),
    recovered: false,
  };
  const record: StepRecord = {
    ...base,
    status: "stuck",
    endedAt: ports.clock.now(),
    note,
    ...(found ? { found } : {}),
  };
  return (await write(ports, saga, step, lease, record, "step-stuck")) ? "stuck" : "fenced";
}

async function write(
  ports: SagaPorts,
  saga: Saga,
  step: Step,
  lease: Lease,
  record: StepRecord,
  type: EntryType,
): Promise<boolean> {
  const entry: EntryDraft = {
    type,
    at: ports.clock.now(),
    system: saga.plan.system,
    actor: "rollbook",
    rollout: saga.rollout,
    data: {
      saga: saga.id,
      step: step.id,
      component: step.component,
      key: record.key,
      fence: record.fence,
      attempts: record.attempts,
      before: record.before,
      desired: record.desired,
      found: record.found,
      note: record.note,
    },
  };
  const guard = { resource: lease.resource, fence: lease.fence };
  const written = await ports.store.commit(
    [
      { kind: "step", record },
      { kind: "entry", entry },
    ],
    guard,
  );
  if (written.kind === "committed") ports.onStep(record);
  return written.kind === "committed";
}
