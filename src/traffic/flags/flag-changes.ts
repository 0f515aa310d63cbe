import type { Clock } from "../../core/ports.ts";
import type { Instant } from "../../core/time.ts";

/** `lapsed`: nobody renewed. `renewed`: only the lease has moved, which clients that assign by themselves have to know. */
export type FlagChange = "route" | "lapsed" | "renewed";

/** Tells who listens that what a release flag says has changed. */
export interface FlagChanges {
  tell(change: FlagChange): void;
  /** The lease lasts until then; says `renewed` in good time and not on each call, and `lapsed` when it does. */
  lease(until: Instant): void;
  /** Ends with the signal. A listener that throws stops nobody. */
  listen(listener: (change: FlagChange) => void, signal?: AbortSignal): void;
  close(): void;
}

/** Later ends than this from now are not waited for; a timer could not hold them. */
const FAR = 2 ** 31 - 1;

/** One sleeper serves all renewals: it wakes at the end that it knew, and sleeps on when there is a later one. */
export function createFlagChanges(clock: Clock): FlagChanges {
  const listeners = new Set<(change: FlagChange) => void>();
  const closed = new AbortController();
  let waking = new AbortController();
  let end: Instant = 0;
  let said: Instant = 0;
  let wakesAt: Instant | undefined;

  function tell(change: FlagChange): void {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch {
        // Containment passes here: whoever only watches may not stop it.
      }
    }
  }

  async function watch(): Promise<void> {
    while (!closed.signal.aborted && end > clock.now() && end - clock.now() <= FAR) {
      waking = new AbortController();
      wakesAt = end;
      await clock.sleep(end - clock.now(), waking.signal);
    }
    wakesAt = undefined;
    if (!closed.signal.aborted && end <= clock.now()) tell("lapsed");
  }

  return {
    tell,
    lease(until) {
      const now = clock.now();
      const lapsed = now >= end;
      end = until;
      if (wakesAt === undefined) void watch();
      else if (until < wakesAt) waking.abort();
      if (!lapsed && until >= said && until - said < (until - now) / 3) return;
      said = until;
      tell("renewed");
    },
    listen(listener, signal) {
      if (signal?.aborted) return;
      listeners.add(listener);
      signal?.addEventListener("abort", () => listeners.delete(listener), { once: true });
    },
    close() {
      closed.abort();
      waking.abort();
      listeners.clear();
    },
  };
}
