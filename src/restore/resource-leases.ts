import { OVER } from "../core/deadline.ts";
import type { Clock, Guard, Store } from "../core/ports.ts";
import type { Claim, Lease, Saga } from "../core/rollout.ts";
import type { Instant, Milliseconds } from "../core/time.ts";

export interface ResourceClaim {
  /** Addresses that the work may change. */
  readonly resources: readonly string[];
  /** The same for who recovers the work: it need not wait for the end of its own lease. */
  readonly holder: string;
  readonly leaseMs: Milliseconds;
  /** Of the system's lease: who has lost that takes nothing from who has it now. */
  readonly guard: Guard;
  /** When they were taken already, with the commit that recorded the work. */
  readonly held?: Held | undefined;
  /** Somebody else works on one of them: told at each look, with how long we have waited for that. */
  readonly onWait: (waited: Milliseconds) => void;
  /** Asked at each look before the work: has it waited enough, so that it begins without them, and ends as it can? Absent: never. */
  readonly enough?: (waited: Milliseconds) => boolean;
  /** Must the waiting end, because we may not act any more? */
  readonly stopped: () => boolean;
}

/** Leases, and since when. */
export interface Held {
  readonly leases: readonly Lease[];
  readonly since: Instant;
}

/**
 * The fence that what is sent to a target carries. `held`: another has what was lost meanwhile, so ask again in a while;
 * undefined when we may not act any more, or the work is over. `refused`: the target has seen a newer one than this.
 */
export type FenceAt = (at: string, refused?: number) => Promise<number | "held" | undefined>;

/** The leases that a saga's work asks for: who records it takes them with the same commit, where they are free. */
export function claimOf({ rollout, plan }: Saga, ttl: Milliseconds, now: Instant): Claim {
  return { resources: resourcesOf(plan.steps.map(({ at }) => at)), holder: rollout, ttl, now };
}

/** What the lease of a target is of. */
export function resourceOf(at: string): string {
  return `target:${at}`;
}

function resourcesOf(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses)].map(resourceOf).toSorted();
}

/**
 * Does work that changes targets while nobody else does: sagas of different playbooks that share a target or a rival come
 * one after the other, each with a greater fence there. All leases are taken together, in sorted order, or none: who waits
 * holds nothing, so nobody waits in a circle. Undefined when we were stopped while we waited. Work that has waited enough begins
 * without them, and what it asks a fence for is `held` until they are ours. Containment asks for none of this.
 */
export async function holdingResources<Result>(
  ports: { readonly store: Store; readonly clock: Clock },
  claim: ResourceClaim,
  work: (fenceAt: FenceAt) => Promise<Result>,
): Promise<Result | undefined> {
  const { store, clock } = ports;
  const { leaseMs, held, resources } = claim;
  if (resources.length === 0) return work(async () => undefined);
  const began = clock.now();
  const first = held && began - held.since < leaseMs / 3 ? held.leases : await obtain(ports, claim);
  if (!first) return undefined;
  let leases: readonly Lease[] = first === "held" ? [] : first;
  let lost = first === "held";
  let heldSince = lost ? began : undefined;
  let asking: Promise<Taken> | undefined;
  const done = new AbortController();
  const renewed = (lease: Lease) => store.renewLease(lease, leaseMs, clock.now());
  const again = async () => {
    const taken = await tryTake(ports, claim);
    const now = clock.now();
    // A clock that is set back makes no wait longer than it was.
    heldSince = taken === "held" ? Math.min(heldSince ?? now, now) : undefined;
    if (heldSince !== undefined) claim.onWait(now - heldSince);
    if (typeof taken === "object") [leases, lost] = [taken, false];
    return taken;
  };
  const fenceAt: FenceAt = async (at, refused) => {
    const find = () => leases.find(({ resource }) => resource === resourceOf(at));
    const known = find();
    if (known && !lost && refused === known.fence && !(await renewed(known)) && known === find()) lost = true;
    if (done.signal.aborted) return undefined;
    if (lost) {
      // One for all steps: each one more would raise the fence under the others.
      asking ??= again().finally(() => {
        asking = undefined;
      });
      const taken = await asking;
      if (typeof taken !== "object") return taken;
    }
    return find()?.fence;
  };
  const renew = async () => {
    const ours = leases;
    if (lost) return;
    // A store that is away for a moment costs nothing: the next renewal is soon enough.
    const kept = await store.renewLeases(ours, leaseMs, clock.now()).catch(() => ours);
    // Another has taken one since it ended: none is kept until all are ours again.
    if (ours === leases && kept.length < ours.length) lost = true;
  };
  const renewing = every(clock, leaseMs / 3, done.signal, renew);
  try {
    const result = await work(fenceAt);
    done.abort(OVER);
    await renewing;
    // Over since ever: a clock that is set back now must not make them last.
    await take(ports, claim, 0, 0).catch(() => undefined);
    return result;
  } finally {
    // After an error they lapse by themselves: the same work may go on elsewhere already, under the same name.
    done.abort(OVER);
  }
}

async function every(clock: Clock, span: Milliseconds, until: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (;;) {
    await clock.sleep(span, until);
    if (until.aborted) return;
    await work();
  }
}

type Taken = readonly Lease[] | "held" | undefined;

/** Waits until all are ours, or it is enough; undefined when we may not act any more. */
async function obtain(ports: { readonly store: Store; readonly clock: Clock }, claim: ResourceClaim): Promise<Taken> {
  const pause = claim.leaseMs / 10;
  for (let waited = 0; ; waited += pause) {
    const taken = await tryTake(ports, claim);
    if (taken !== "held" || claim.enough?.(waited)) return taken;
    claim.onWait(waited);
    await ports.clock.sleep(pause);
  }
}

async function tryTake(ports: { readonly store: Store; readonly clock: Clock }, claim: ResourceClaim): Promise<Taken> {
  const answer = await take(ports, claim, claim.leaseMs, ports.clock.now());
  if (answer.kind === "fenced") return undefined;
  return answer.claimed ?? (claim.stopped() ? undefined : "held");
}

function take({ store }: { readonly store: Store }, claim: ResourceClaim, ttl: Milliseconds, now: Instant) {
  const { resources, holder, guard } = claim;
  return store.commit([], guard, { resources: resourcesOf(resources), holder, ttl, now });
}
