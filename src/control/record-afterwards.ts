import { FencedError } from "./fenced-error.ts";
import { emit, type Run, routeTo } from "./run.ts";
import { tellPeople } from "./tell-people.ts";

/** The first pause between two attempts; it doubles up to sixteen times this. */
const PAUSE_MS = 250;

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
  for (let attempt = 0; ; attempt++) {
    try {
      if (attempt > 0 && (await recorded())) return;
      await write();
      if (attempt > 0) emit(run, "resumed", "the store takes writes again: what happened is recorded");
      return;
    } catch (error) {
      if (error instanceof FencedError || run.closed) throw error;
      if (attempt === 0) sayNotRecorded(run, error);
      standContained(run);
      await run.ports.clock.sleep(PAUSE_MS * Math.min(16, 2 ** attempt));
    }
  }
}

/** A rollback goes on when the store is back; whatever was done is read from its record and from the targets. */
export async function goOnAfterwards(run: Run, work: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof FencedError || run.stopped) throw error;
      if (attempt === 0) sayNotRecorded(run, error);
      standContained(run);
      await run.ports.clock.sleep(run.settings.leaseMs);
    }
  }
}

function sayNotRecorded(run: Run, error: unknown): void {
  const text = `contained, and nothing can be recorded: ${error instanceof Error ? error.message : String(error)}`;
  emit(run, "late", `${text}; tried again until it can`);
  tellPeople(run, "is contained, but the store takes no write", [text, "The restore goes on when it does."]);
}

/** Nobody else may have given the candidate a share meanwhile. */
function standContained(run: Run): void {
  const { traffic } = run.ports;
  if ((traffic.current(run.playbook.system)?.candidatePpm ?? 0) > 0) traffic.set(routeTo(run, 0));
}
