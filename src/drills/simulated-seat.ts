import type { Seat, SeatListener } from "../control/seat.ts";
import type { Clock, Store } from "../core/ports.ts";
import type { Lease } from "../core/rollout.ts";
import type { Milliseconds } from "../core/time.ts";

/** A seat that can be asked for. */
export interface SimulatedSeat extends Seat {
  /** Takes it if it is free, and renews it from then on; answers whether it is ours now. */
  take(): Promise<boolean>;
  /** Renews it no more, until it is asked for again. */
  rest(): void;
}

/** The store gives it to another after so long, and its holder stops so long after its last success. */
const LEASE_MS: Milliseconds = 2500;
const STOP_MS: Milliseconds = 2000;
const RENEW_MS: Milliseconds = 1000;

/**
 * The standing right of one controller to act on a system. @param steady a clock that nobody sets
 * @param clock that of the process, which stands still with it
 */
export function createSimulatedSeat(
  store: Pick<Store, "acquireLease" | "renewLease">,
  clock: Clock,
  steady: Pick<Clock, "now">,
  system: string,
  holder: string,
): SimulatedSeat {
  const listeners = new Set<SeatListener>();
  let held: Lease | undefined;
  let until = 0;
  let resting = false;
  /** The store said so, when it was asked last. */
  let taken = false;
  const valid = () => (steady.now() < until ? held : undefined);
  const drop = () => {
    held = undefined;
    for (const listener of listeners) listener.lost();
    listeners.clear();
  };
  /** Is what was answered to a question of then worth anything now? */
  const keep = (lease: Lease, asked: number): boolean => {
    if (steady.now() >= asked + STOP_MS) return false;
    until = asked + STOP_MS;
    held = { ...lease, until: clock.now() + until - steady.now() };
    return true;
  };
  const renewWhileHeld = async () => {
    while (valid()) {
      await clock.sleep(RENEW_MS);
      const lease = valid();
      if (!lease || resting) break;
      const asked = steady.now();
      try {
        const renewed = await store.renewLease(lease, LEASE_MS, clock.now());
        taken = !renewed;
        if (!renewed) break;
        if (keep(renewed, asked)) for (const listener of listeners) listener.renewed(held!);
      } catch {
        // A store that is away is asked again for as long as we may act.
      }
    }
    drop();
  };
  return {
    lease: valid,
    elsewhere: () => taken,
    follow(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    rest() {
      resting = true;
    },
    async take() {
      resting = false;
      if (valid()) return true;
      if (held) return false;
      const asked = steady.now();
      const lease = await store.acquireLease(`system:${system}`, holder, LEASE_MS, clock.now());
      taken = !lease;
      if (!lease || held || !keep(lease, asked)) return false;
      void renewWhileHeld();
      return true;
    },
  };
}
