import { OVER } from "../core/deadline.ts";
import type { Clock, Store } from "../core/ports.ts";
import type { Claim, Saga } from "../core/rollout.ts";
import type { Instant, Milliseconds } from "../core/time.ts";

export interface ResourceClaim {
  /** Addresses that the work may change. */
  readonly resources: readonly string[];
  /** The same for who recovers the work: it need not wait for the end of its own lease. */
  readonly holder: string;
  readonly leaseMs: Milliseconds;
  /** When they were taken already, with the commit that recorded the work. */
  readonly heldSince?: Instant | undefined;
  /** Somebody else works on one of them; told once. */
  readonly onWait: () => void;
  /** Must the waiting end, because we may not act any more? */
  readonly stopped: () => boolean;
}

/** The leases that a saga's work asks for: who records it takes them with the same commit, where they are free. */
export function claimOf({ id, plan }: Saga, ttl: Milliseconds, now: Instant): Claim {
  return { resources: targetsOf(plan.steps.map(({ at }) => at)), holder: id, ttl, now };
}

function targetsOf(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses)].map((at) => `target:${at}`).toSorted();
}

/**
 * Does work that changes targets while nobody else does: sagas of different playbooks that share a target or a rival come
 * one after the other. All leases are taken together, in sorted order, or none: who waits holds nothing, so nobody waits
 * in a circle. Undefined when we were stopped while we waited. Containment asks for none of this.
 */
export async function holdingResources<Result>(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  claim: ResourceClaim,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  const { holder, leaseMs, heldSince = -Infinity, onWait, stopped } = claim;
  const wanted = targetsOf(claim.resources);
  if (wanted.length === 0) return work();
  const take = (ttl: Milliseconds, now = clock.now()) => store.acquireLeases(wanted, holder, ttl, now);
  const held = clock.now() - heldSince < leaseMs / 3;
  for (let waited = false; !(held || (await take(leaseMs))); waited = true) {
    if (stopped()) return undefined;
    if (!waited) onWait();
    await clock.sleep(leaseMs / 10);
  }
  const done = new AbortController();
  const renew = async () => {
    while (!done.signal.aborted) {
      await clock.sleep(leaseMs / 3, done.signal);
      // A store that is away for a moment costs nothing: the next renewal is soon enough.
      if (!done.signal.aborted) await take(leaseMs).catch(() => undefined);
    }
  };
  const renewing = renew();
  try {
    const result = await work();
    done.abort(OVER);
    await renewing;
    // Over since ever: a clock that is set back now must not make them last.
    await take(0, 0).catch(() => undefined);
    return result;
  } finally {
    // After an error they lapse by themselves: the same work may go on elsewhere already, under the same name.
    done.abort(OVER);
  }
}
