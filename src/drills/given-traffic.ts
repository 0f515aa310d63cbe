import type { Route } from "../core/entry.ts";
import type { Clock, SignalSource, TrafficAdapter } from "../core/ports.ts";
import type { ReleaseId } from "../core/release.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";

/** Traffic that costs nothing: no chance is in it, and what the candidate does is given. */
export interface GivenTraffic extends TrafficAdapter, SignalSource {
  served(release: ReleaseId): { readonly requests: number };
  lastServed(release: ReleaseId): Instant | undefined;
}

/** Requests a millisecond; so many that a criterion is proved by one block. */
const RATE = 10;

/**
 * One release serves all, and the candidate beside it while it has a share and its lease lasts. Each look gives one
 * block of counts of either: `errors`, of which there are few, and `leaks` of the candidate, from `harmAfter` on.
 */
export function createGivenTraffic(clock: Clock, first: Route, harmAfter: Milliseconds | undefined): GivenTraffic {
  let route = first;
  let leaseUntil = Number.NEGATIVE_INFINITY;
  let lived = clock.now();
  let sequence = 0;
  let exposed = 0;
  let last: Instant | undefined;
  const unseen = { stable: 0, candidate: 0 };

  /** Lives through the time since the last call: over it, route and lease were what they are now. */
  function catchUp(): void {
    const now = clock.now();
    if (now === lived) return;
    const until = Math.min(now, leaseUntil);
    unseen.stable += now - lived;
    if (route.candidatePpm > 0 && until > lived) {
      exposed += until - lived;
      unseen.candidate += until - lived;
      last = until;
    }
    lived = now;
  }

  return {
    current: (system) => (system === route.system ? route : undefined),
    set(next) {
      catchUp();
      if (next.epoch >= route.epoch) route = next;
    },
    renew(_system, until) {
      catchUp();
      leaseUntil = Math.max(leaseUntil, until);
    },
    drain() {
      catchUp();
      if (unseen.stable < 1) return [];
      const { stable, candidate } = unseen;
      Object.assign(unseen, { stable: 0, candidate: 0 });
      const now = clock.now();
      const bucket = now - (now % 1000);
      const block = (signal: string, release: ReleaseId, span: number, k: number): Sample => ({
        node: "given",
        sequence,
        bucket,
        signal,
        release,
        n: Math.ceil(span * RATE),
        k,
        known: now,
      });
      sequence++;
      const counts = [block("errors", route.stable, stable, 1)];
      if (candidate > 0 && route.candidate !== undefined) {
        const harm = harmAfter !== undefined && exposed > harmAfter ? 1 : 0;
        counts.push(block("errors", route.candidate, candidate, 1), block("leaks", route.candidate, candidate, harm));
      }
      return counts;
    },
    served(release) {
      catchUp();
      return { requests: release === route.candidate ? exposed * RATE : 0 };
    },
    lastServed(release) {
      catchUp();
      return release === route.candidate ? last : undefined;
    },
  };
}
