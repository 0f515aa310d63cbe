import type { Clock } from "./ports.ts";
import type { Milliseconds } from "./time.ts";

/** A reason to abort of our own: the one that a signal makes by itself costs more than all the rest, with its stack. */
export const OVER = "its time is over";

/**
 * A call's answer, or `late` when it takes longer than the span or throws; the signal tells the call that its time is over.
 * Runs on the injected clock, so that it can be simulated.
 */
export async function withDeadline<Answer>(
  clock: Clock,
  span: Milliseconds,
  late: (reason: string) => Answer,
  call: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const done = new AbortController();
  const overdue = new AbortController();
  const timer = clock.sleep(span, done.signal).then(() => {
    overdue.abort(OVER);
    return late(`no answer within ${span} ms`);
  });
  try {
    return await Promise.race([call(overdue.signal), timer]);
  } catch (error) {
    return late(error instanceof Error ? error.message : String(error));
  } finally {
    done.abort(OVER);
  }
}
