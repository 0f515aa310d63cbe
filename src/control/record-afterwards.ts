import type { Clock } from "../core/ports.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Instant } from "../core/time.ts";
import { FencedError } from "./fenced-error.ts";
import { emit, type Run, routeTo, type Unrecorded } from "./run.ts";
import { failureText, isStoreFailure } from "./store-failure.ts";
import { tellPeople } from "./tell-people.ts";

/** The first pause between two attempts; it doubles up to sixteen times this. */
const PAUSE_MS = 250;

/** So often a restore is begun again after a fault of ours; then people must decide. */
const MOST_FAULTS = 5;

export const CONTAINED_UNRECORDED = "contained, and nothing can be recorded";
const CONTAINED_BROKEN = "contained, and Rollbook itself is broken here";

/** Something that has happened already, and how it is recorded. */
export interface Happened {
  readonly clock: Clock;
  write(): Promise<void>;
  /** Has an attempt whose answer was lost had its effect? */
  recorded(): Promise<boolean>;
  /** The process ends: nothing is tried again here. */
  over(): boolean;
  /** We may not write now: can somebody else have acted since it happened? Until then it stands, and is tried again. */
  outrun?(): boolean;
  /** Of the first attempt that failed: people are told once. */
  missed(failure: Failure): void;
  /** Keeps what has happened as it is, before each pause. */
  stand(): void;
  /** It is recorded, later than it happened. */
  caughtUp(): void;
}

/** Why nothing is recorded. `fault`: where our own fault is, if the store is not to blame. */
export interface Failure extends Omit<Unrecorded, "what"> {
  readonly fault?: string;
}

/** The store did not take it at once: why, and when it is recorded after all. */
export interface Missed {
  readonly since: Instant;
  readonly reason: string;
  readonly afterwards: Promise<void>;
}

/** Tries once; what the store does not take is recorded beside the work. @throws FencedError */
export async function recordOrMiss(happened: Happened): Promise<Missed | undefined> {
  try {
    await happened.write();
    return undefined;
  } catch (error) {
    const afterwards = goOnRecording(happened, error);
    // Who was fenced at once is told by the caller; who is fenced later, by whoever waits.
    if (isOutrun(happened, error)) await afterwards;
    afterwards.catch(() => undefined);
    return { since: happened.clock.now(), reason: failureText(error), afterwards };
  }
}

function isOutrun({ outrun }: Happened, error: unknown): boolean {
  return error instanceof FencedError && (outrun?.() ?? true);
}

/** Tries as long as the store takes no write. Only a newer controller, or our own end, ends that. */
async function goOnRecording(happened: Happened, failed: unknown): Promise<void> {
  const { clock } = happened;
  let error = failed;
  for (let attempt = 1; ; attempt++) {
    if (isOutrun(happened, error) || happened.over()) throw error;
    if (attempt === 1) happened.missed(failureOf(clock, error));
    happened.stand();
    await clock.sleep(PAUSE_MS * Math.min(16, 2 ** (attempt - 1)));
    try {
      if (await happened.recorded()) return happened.caughtUp();
      if (happened.outrun?.()) throw new FencedError("the system by now");
      await happened.write();
      return happened.caughtUp();
    } catch (again) {
      error = again;
    }
  }
}

/**
 * Records what has happened already, for as long as the store takes no write: the containment stands meanwhile, and people
 * are told once. Only a newer controller ends that.
 * @param recorded asks whether an attempt whose answer was lost had its effect.
 */
export async function recordAfterwards(
  run: Run,
  write: () => Promise<void>,
  recorded: () => Promise<boolean> = async () => false,
): Promise<void> {
  const missed = await recordOrMiss({
    clock: run.ports.clock,
    write,
    recorded,
    over: () => run.closed,
    missed: (unrecorded) => sayNotRecorded(run, unrecorded),
    stand: () => standContained(run),
    caughtUp() {
      delete run.unrecorded;
      emit(run, "resumed", "the store takes writes again: what happened is recorded");
    },
  });
  await missed?.afterwards;
}

/**
 * A rollback goes on when the store is back; whatever was done is read from its record and from the targets. After a fault
 * of ours it is tried again a few times, and then it is stuck.
 */
export async function goOnAfterwards(
  run: Run,
  work: () => Promise<void>,
  stuck: (note: string) => Promise<void>,
): Promise<void> {
  let faults = 0;
  let said: "store" | "fault" | undefined;
  for (;;) {
    try {
      await work();
      delete run.unrecorded;
      return;
    } catch (error) {
      if (error instanceof FencedError || run.stopped) throw error;
      const failure = failureOf(run.ports.clock, error);
      const kind = failure.fault === undefined ? "store" : "fault";
      if (kind === "fault" && ++faults >= MOST_FAULTS) {
        delete run.unrecorded;
        return stuck(`Rollbook itself broke in the restore, ${faults} times: ${failure.reason}`);
      }
      if (said !== kind) sayNotRecorded(run, failure);
      said = kind;
      standContained(run);
      await run.ports.clock.sleep(run.settings.leaseMs);
    }
  }
}

function failureOf(clock: Clock, error: unknown): Failure {
  const reason = failureText(error);
  return { since: clock.now(), reason, ...(isStoreFailure(error) ? {} : { fault: (error as Error).stack ?? reason }) };
}

/** People are told of a containment that is not recorded, or whose restore does not go on. */
export function sayNotRecorded(
  run: Pick<Run, "ports" | "playbook" | "candidate" | "rollout" | "unrecorded">,
  { since, reason, fault }: Failure,
): void {
  const what = fault === undefined ? CONTAINED_UNRECORDED : CONTAINED_BROKEN;
  run.unrecorded = { what, since, reason };
  const text = `${what}: ${reason}`;
  emit(run, "late", `${text}; tried again until it can`);
  if (fault !== undefined) run.ports.log?.(`${run.playbook.system}: ${fault}`);
  if (fault === undefined)
    tellPeople(run, "is contained, but the store takes no write", [text, "The restore goes on when it does."]);
  else tellPeople(run, "is contained, but Rollbook itself is broken", [text, "It is tried again; its log says where."]);
}

/** Nobody else may have given the candidate a share meanwhile. */
function standContained(run: Run): void {
  const { traffic } = run.ports;
  if ((traffic.current(run.playbook.system)?.candidatePpm ?? 0) > 0) traffic.set(routeTo(run, 0));
}

/** An attempt whose answer was lost may have been taken. */
export async function isRecorded(run: Run, next: Rollout): Promise<boolean> {
  const known = await run.ports.store.rollout(next.id);
  if (known?.rollback?.saga !== next.rollback?.saga) return false;
  run.rollout = next;
  delete run.behind;
  return true;
}
