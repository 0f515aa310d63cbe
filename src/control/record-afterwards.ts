import type { Clock } from "../core/ports.ts";
import type { Instant } from "../core/time.ts";
import { reasonOf } from "../restore/target-call.ts";
import { FencedError } from "./fenced-error.ts";
import { emit, type Run, routeTo, type Unrecorded } from "./run.ts";
import { tellPeople } from "./tell-people.ts";

/** The first pause between two attempts; it doubles up to sixteen times this. */
const PAUSE_MS = 250;

export const CONTAINED_UNRECORDED = "contained, and nothing can be recorded";

/** Something that has happened already, and how it is recorded. */
export interface Happened {
  readonly clock: Clock;
  write(): Promise<void>;
  /** Has an attempt whose answer was lost had its effect? */
  recorded(): Promise<boolean>;
  /** The process ends: nothing is tried again here. */
  over(): boolean;
  /** Of the first attempt that failed: people are told once. */
  missed(unrecorded: Omit<Unrecorded, "what">): void;
  /** Keeps what has happened as it is, before each pause. */
  stand(): void;
  /** It is recorded, later than it happened. */
  caughtUp(): void;
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
    if (error instanceof FencedError) await afterwards;
    afterwards.catch(() => undefined);
    return { since: happened.clock.now(), reason: reasonOf(error), afterwards };
  }
}

/** Tries as long as the store takes no write. Only a newer controller, or our own end, ends that. */
async function goOnRecording(happened: Happened, failed: unknown): Promise<void> {
  const { clock } = happened;
  let error = failed;
  for (let attempt = 1; ; attempt++) {
    if (error instanceof FencedError || happened.over()) throw error;
    if (attempt === 1) happened.missed({ since: clock.now(), reason: reasonOf(error) });
    happened.stand();
    await clock.sleep(PAUSE_MS * Math.min(16, 2 ** (attempt - 1)));
    try {
      if (!(await happened.recorded())) await happened.write();
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

/** A rollback goes on when the store is back; whatever was done is read from its record and from the targets. */
export async function goOnAfterwards(run: Run, work: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await work();
      delete run.unrecorded;
      return;
    } catch (error) {
      if (error instanceof FencedError || run.stopped) throw error;
      if (attempt === 0) sayNotRecorded(run, { since: run.ports.clock.now(), reason: reasonOf(error) });
      standContained(run);
      await run.ports.clock.sleep(run.settings.leaseMs);
    }
  }
}

/** People are told of a containment that the store has not taken. */
export function sayNotRecorded(
  run: Pick<Run, "ports" | "playbook" | "candidate" | "rollout" | "unrecorded">,
  missed: Omit<Unrecorded, "what">,
): void {
  const what = CONTAINED_UNRECORDED;
  run.unrecorded = { what, ...missed };
  const text = `${what}: ${missed.reason}`;
  emit(run, "late", `${text}; tried again until it can`);
  tellPeople(run, "is contained, but the store takes no write", [text, "The restore goes on when it does."]);
}

/** Nobody else may have given the candidate a share meanwhile. */
function standContained(run: Run): void {
  const { traffic } = run.ports;
  if ((traffic.current(run.playbook.system)?.candidatePpm ?? 0) > 0) traffic.set(routeTo(run, 0));
}
