import { performance } from "node:perf_hooks";
import type { Seat, SeatListener } from "../../control/seat.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { Store } from "../../core/ports.ts";
import type { Lease } from "../../core/rollout.ts";
import type { Milliseconds } from "../../core/time.ts";
import { systemClock } from "../system-clock.ts";

/**
 * A lease lasts so long by the store's clock, and its holder stops so long after its last success by its own. Between the
 * two nobody acts; what is more than that only makes a take-over later.
 */
const LEASE_MS: Milliseconds = 2500;
const STOP_MS: Milliseconds = 2000;
/** How often leases are renewed: those of systems whose candidate has a share more often, because its share is a lease. */
const EXPOSED_MS: Milliseconds = 500;
const CALM_MS: Milliseconds = 1000;
/** An answer that does not come is not waited for. */
const AGAIN_MS: Milliseconds = 300;

/** The right of this process to act on one system, as long as it has it. */
export interface ReplicaSeat extends Omit<Seat, "elsewhere"> {
  readonly system: string;
  /** The candidate's share was renewed at the edge here; `always`: for as long as we hold the seat. */
  exposes(always?: boolean): void;
}

export interface Seats {
  of(system: string): ReplicaSeat;
  /** Takes the seat of a system, if it is free; answers whether it is ours now. */
  take(system: string): Promise<boolean>;
  /** Renews what we hold; never throws. To be called often: it knows what is due. */
  renew(): Promise<void>;
  /** Gives up what could not be renewed in time. */
  expire(): void;
  /** Gives one back that we cannot use, so that another replica may try. */
  giveUp(system: string): Promise<void>;
  /** Gives everything back, so that nobody has to wait for it. */
  leave(): Promise<void>;
}

interface Held {
  lease?: Lease;
  /** Until when nobody else can have it, and when it was renewed last: by a clock that nobody sets. */
  until: number;
  renewedAt: number;
  exposedAt?: number;
  always?: boolean;
  readonly listeners: Set<SeatListener>;
}

/** `lost` is told of every seat that is not ours any more. */
export function createSeats(store: Store, exchange: Exchange, holder: string, lost: (system: string) => void): Seats {
  const seats = new Map<string, Held>();
  let lastAsked = Number.NEGATIVE_INFINITY;
  const heldOf = (system: string): Held => {
    const known = seats.get(system);
    if (known) return known;
    const fresh: Held = { until: 0, renewedAt: 0, listeners: new Set() };
    seats.set(system, fresh);
    return fresh;
  };
  const drop = (system: string, held: Held) => {
    if (!held.lease) return;
    delete held.lease;
    delete held.exposedAt;
    delete held.always;
    for (const listener of held.listeners) listener.lost();
    held.listeners.clear();
    lost(system);
  };
  const keep = (held: Held, lease: Lease, asked: number) => {
    held.until = asked + STOP_MS;
    held.renewedAt = asked;
    held.lease = { ...lease, until: systemClock.now() + held.until - performance.now() };
    for (const listener of held.listeners) listener.renewed(held.lease);
  };
  const expire = () => {
    for (const [system, held] of seats) if (held.lease && performance.now() >= held.until) drop(system, held);
  };
  return {
    of: (system) => ({
      system,
      lease() {
        const { lease, until } = heldOf(system);
        return lease && performance.now() < until ? lease : undefined;
      },
      follow(listener) {
        const { listeners } = heldOf(system);
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      exposes(always = false) {
        Object.assign(heldOf(system), { exposedAt: performance.now(), always });
      },
    }),
    async take(system) {
      const held = heldOf(system);
      if (held.lease) return true;
      const asked = performance.now();
      const lease = await store.acquireLease(`system:${system}`, holder, LEASE_MS, systemClock.now());
      if (!lease || performance.now() >= asked + STOP_MS) return false;
      keep(held, lease, asked);
      return true;
    },
    async renew() {
      expire();
      const asked = performance.now();
      if (asked - lastAsked < AGAIN_MS) return;
      const due = [...seats].filter(([, { lease, renewedAt, exposedAt, always }]) => {
        const exposed = always || (exposedAt !== undefined && asked - exposedAt < CALM_MS);
        return lease && asked - renewedAt >= (exposed ? EXPOSED_MS : CALM_MS) - 20;
      });
      if (due.length === 0) return;
      lastAsked = asked;
      const renewals = due.map(([, { lease, exposedAt = Number.NEGATIVE_INFINITY, always }]) => {
        const exposedFor = always ? 0 : asked - exposedAt;
        return { lease: lease!, ...(exposedFor < LEASE_MS ? { exposedFor } : {}) };
      });
      const renewed = await exchange.renew(renewals, LEASE_MS).catch(() => undefined);
      if (!renewed) return;
      const byResource = new Map(renewed.map((lease) => [lease.resource, lease]));
      for (const [system, held] of due) {
        const lease = byResource.get(`system:${system}`);
        if (!held.lease || asked < held.renewedAt) continue;
        if (lease && lease.fence === held.lease.fence && performance.now() < asked + STOP_MS) keep(held, lease, asked);
        else if (!lease) drop(system, held);
      }
    },
    expire,
    async giveUp(system) {
      const held = heldOf(system);
      const { lease } = held;
      drop(system, held);
      if (lease) await exchange.free(lease);
    },
    async leave() {
      const leases = [...seats.values()].flatMap(({ lease }) => (lease ? [lease] : []));
      for (const [system, held] of seats) drop(system, held);
      await Promise.all(leases.map((lease) => exchange.free(lease).catch(() => undefined)));
    },
  };
}
