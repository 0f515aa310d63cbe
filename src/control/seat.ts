import type { Store } from "../core/ports.ts";
import type { Lease } from "../core/rollout.ts";
import { FencedError } from "./fenced-error.ts";

/**
 * The standing right to act on one system, where several processes could: it is held between rollouts too. Its lease
 * ends (`until`) by this process's own clock, well before the store would give it to another.
 */
export interface Seat {
  /** Undefined while another process may act, or as soon as we cannot be sure that none does. */
  lease(): Lease | undefined;
  /** Is another process known to sit there? */
  elsewhere(): boolean;
  follow(listener: SeatListener): () => void;
}

export interface SeatListener {
  renewed(lease: Lease): void;
  lost(): void;
}

/**
 * Answers whether somebody else can have acted since now. While nobody is known to sit there, nobody has; who sits there
 * again under the very next fence knows that nobody did.
 */
export function sinceNow(seat: Seat): () => boolean {
  let ours = seat.lease()?.fence;
  return () => {
    if (ours === undefined) return true;
    const lease = seat.lease();
    if (!lease) return seat.elsewhere();
    if (lease.fence > ours + 1) return true;
    ours = lease.fence;
    return false;
  };
}

/** The store, as who sits there may use it: nothing is written but under the seat's fence. */
export function underSeat(store: Store, system: string, seat: Seat): Store {
  return {
    ...store,
    async commit(changes, guard, claim) {
      if (guard) return store.commit(changes, guard, claim);
      const lease = seat.lease();
      const written = lease && (await store.commit(changes, { resource: lease.resource, fence: lease.fence }, claim));
      if (written?.kind !== "committed") throw new FencedError(`system:${system}`);
      return written;
    },
  };
}
