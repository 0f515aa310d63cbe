import type { EntryDraft } from "../core/entry.ts";
import type { Change } from "../core/ports.ts";
import type { Direction, Lease, Saga, StepRecord } from "../core/rollout.ts";
import { compensationOf } from "./compensation.ts";
import { createSagaJournal } from "./saga-journal.ts";
import { type Course, firstIntents, runSteps } from "./step-order.ts";
import type { Patience, SagaPorts } from "./step-run.ts";

export const PATIENCE: Patience = { attempts: 5, callMs: 5000, pauseMs: 100 };

/** A saga that was started more often is stuck: it seems to end its controller each time. */
export const MOST_STARTS = 10;

/**
 * `completed`: every step read back. `compensated`: it could not be completed, and everything is as it was before.
 * `stuck`: something needs people; all that could be done was still done.
 */
export type SagaEnd =
  | { readonly kind: "completed" | "compensated"; readonly saga: Saga }
  | { readonly kind: "stuck"; readonly saga: Saga; readonly steps: readonly string[] }
  | { readonly kind: "fenced" };

/**
 * What a new saga is written with by whoever decides on it: itself, and the intents of the steps that wait for no other,
 * so that decision and first effect are one commit apart.
 */
export function startSaga({ clock }: Pick<SagaPorts, "clock">, saga: Saga, lease: Lease): readonly Change[] {
  const scope = { clock, saga, lease, direction: "forward" } as const;
  return [{ kind: "saga", saga }, ...firstIntents(scope, saga.plan.steps)];
}

/**
 * Turns a saga round: what it has changed is put back, what came last first, by whoever runs it next. A release does so by
 * itself when it is stuck. A rollback never does: that would deploy the bad release again, so only people may say it.
 */
export function turnSaga(saga: Saga, at: number, by: string, reason: string): readonly Change[] {
  const { endedAt: _, ...open } = saga;
  const turned: Saga = { ...open, status: "running", direction: "compensate", note: reason };
  return [{ kind: "saga", saga: turned }, entryOf(turned, "saga-turned", at, { reason }, by)];
}

/** The same saga, started once more. */
function started(saga: Saga): Saga {
  return { ...saga, starts: (saga.starts ?? 1) + 1 };
}

type Running = Pick<Course, "ports" | "saga" | "lease" | "patience" | "journal"> & {
  readonly records: Readonly<Record<Direction, ReadonlyMap<string, StepRecord>>>;
  /** Nothing was sent yet under what is in the journal. */
  readonly fresh: boolean;
};

/**
 * Runs a saga from wherever its journal stands to its end; calling it again after a crash is how it recovers.
 * Owns: the saga's record. Does not own: choosing the plan, the lease's renewal, talking to people.
 * I1  Nothing is written once our fence is not the newest.
 * I2  `begun`, what the saga was recorded with, only from whoever recorded it and runs it for the first time: its intents
 *     are all that the journal holds, and nothing was sent under them yet.
 * I3  A start is counted before anything is done; after `MOST_STARTS` nothing is touched any more. `counted` only for who
 *     goes on with a start that is counted already, because the store cut it off.
 * I4  A saga that was turned round never goes forward again.
 */
export async function runSaga(
  ports: SagaPorts,
  given: Saga,
  lease: Lease,
  patience: Patience = PATIENCE,
  begun?: readonly Change[],
  counted = begun !== undefined,
): Promise<SagaEnd> {
  const journal = createSagaJournal(ports, lease);
  const fresh = begun !== undefined;
  const saga = counted ? given : started(given);
  if ((saga.starts ?? 1) > MOST_STARTS) return endPoisoned({ ports, saga, journal });
  if (!counted && !(await journal.write([], [{ kind: "saga", saga }]))) return { kind: "fenced" };
  const steps = begun ? intentsIn(begun) : await ports.store.steps(saga.id);
  const of = (wanted: Direction) => byStep(steps.filter(({ direction = "forward" }) => direction === wanted));
  const records = { forward: of("forward"), compensate: of("compensate") };
  const running: Running = { ports, saga, lease, patience, journal, records, fresh };
  return saga.direction === "compensate" ? goBack(running, records.forward, false) : goForward(running);
}

async function goForward(running: Running): Promise<SagaEnd> {
  const { ports, saga, lease, fresh, records } = running;
  let end: Saga | undefined;
  let forward = records.forward;
  const atEnd: Course["atEnd"] = (stuck, known) => {
    forward = known;
    const now = ports.clock.now();
    const back = stuck.length > 0 && saga.plan.kind === "release" ? compensationOf(saga.plan, known) : undefined;
    if (back?.kind === "possible") {
      const changes = turnSaga(saga, now, "rollbook", `stuck: ${stuck.join(", ")}`);
      end = (changes[0] as Change & { kind: "saga" }).saga;
      const scope = { clock: ports.clock, saga, lease, direction: "compensate" } as const;
      return [...changes, ...firstIntents(scope, back.steps)];
    }
    const reason = ports.halted?.() ?? (back && `it is not taken back: ${back.reason}`);
    end = ended(saga, stuck, [noteOn(stuck), reason, unfrozen(saga, known)], now);
    return endChanges(end, stuck);
  };
  const steps = saga.plan.steps.filter(({ kind }) => kind !== "thaw");
  const course = { ...running, direction: "forward", steps, known: forward, unspent: fresh } as const;
  const stuck = await runSteps({ ...course, atEnd });
  if (stuck === "fenced" || !end) return { kind: "fenced" };
  if (end.status !== "running") return asEnd(end, stuck);
  ports.atCrashPoint("saga.turned");
  return goBack({ ...running, saga: end }, forward, true);
}

/** `unspent`: the first intents of the way back were written by this very run. */
async function goBack(running: Running, forward: ReadonlyMap<string, StepRecord>, unspent: boolean): Promise<SagaEnd> {
  const { ports, saga, journal, records } = running;
  const back = compensationOf(saga.plan, forward, ports.served);
  if (back.kind === "impossible") {
    const end = {
      ...ended(saga, [], [saga.note, `not taken back: ${back.reason}`], ports.clock.now()),
      status: "stuck",
    } as const;
    return (await journal.write([], endChanges(end, []))) ? asEnd(end, []) : { kind: "fenced" };
  }
  const { lease } = running;
  const scope = { clock: ports.clock, saga, lease, direction: "compensate" } as const;
  const known = unspent ? byStep(intentsIn(firstIntents(scope, back.steps))) : records.compensate;
  let end: Saga | undefined;
  const atEnd: Course["atEnd"] = (stuck) => {
    const left = stuck.length > 0 ? `could not be taken back: ${stuck.join(", ")}` : "taken back";
    const unseen = back.left.length > 0 ? `left as it is: ${back.left.join(", ")}, for ${UNSEEN}` : undefined;
    end = ended(saga, stuck, [saga.note, left, unseen], ports.clock.now());
    return endChanges(end, stuck);
  };
  // Putting back is never halted half-way.
  const { halted: _, ...unstoppable } = ports;
  // What was sent forward and never read back may still land: what puts it back is sent even where all is in place.
  const open = back.steps.filter(({ id }) => forward.get(id)?.status !== "done");
  const underWay = new Set(open.map(({ at }) => at));
  const course = {
    ...running,
    ports: { ...unstoppable, underWay },
    direction: "compensate",
    steps: back.steps,
    known,
    unspent,
  } as const;
  const stuck = await runSteps({ ...course, atEnd });
  return stuck === "fenced" || !end ? { kind: "fenced" } : asEnd(end, stuck);
}

const UNSEEN = "nobody saw what the plan expected there";

function intentsIn(changes: readonly Change[]): readonly StepRecord[] {
  return changes.flatMap((change) => (change.kind === "step" ? [change.record] : []));
}

function byStep(records: readonly StepRecord[]): ReadonlyMap<string, StepRecord> {
  return new Map(records.map((record) => [record.step, record]));
}

async function endPoisoned({ ports, saga, journal }: Pick<Running, "ports" | "saga" | "journal">): Promise<SagaEnd> {
  const note = `it was started ${MOST_STARTS} times and never ended: it seems to end its controller each time`;
  const end: Saga = { ...saga, status: "stuck", endedAt: ports.clock.now(), note };
  return (await journal.write([], endChanges(end, []))) ? asEnd(end, []) : { kind: "fenced" };
}

function noteOn(stuck: readonly string[]): string | undefined {
  return stuck.length > 0 ? `stuck: ${stuck.join(", ")}` : undefined;
}

/** Rivals that may undo what was restored: people must know. */
function unfrozen({ plan }: Saga, known: ReadonlyMap<string, StepRecord>): string | undefined {
  const loose = plan.steps.filter(({ id, kind }) => kind === "freeze" && known.get(id)?.status === "stuck");
  return loose.length > 0 ? `not frozen: ${loose.map(({ label }) => label).join(", ")}` : undefined;
}

function ended(saga: Saga, stuck: readonly string[], notes: readonly (string | undefined)[], endedAt: number): Saga {
  const well = saga.direction === "compensate" ? "compensated" : "completed";
  const note = notes.filter((one) => one !== undefined).join("; ");
  if (stuck.length > 0) return { ...saga, status: "stuck", endedAt, note };
  return { ...saga, status: well, endedAt, ...(note === "" ? {} : { note }) };
}

function asEnd(saga: Saga, steps: readonly string[]): SagaEnd {
  const { status } = saga;
  return status === "completed" || status === "compensated" ? { kind: status, saga } : { kind: "stuck", saga, steps };
}

function endChanges(saga: Saga, stuck: readonly string[]): readonly Change[] {
  const data = { status: saga.status, stuck: [...stuck] };
  return [{ kind: "saga", saga }, entryOf(saga, "saga-ended", saga.endedAt ?? 0, data)];
}

function entryOf(
  { id, rollout, plan, planDigest }: Saga,
  type: EntryDraft["type"],
  at: number,
  more: EntryDraft["data"],
  actor = "rollbook",
): Change {
  const data = { saga: id, plan: planDigest, ...more };
  return { kind: "entry", entry: { type, at, system: plan.system, actor, rollout, data } };
}
