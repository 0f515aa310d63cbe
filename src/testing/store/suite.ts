import { it } from "node:test";
import type { Store } from "../../core/ports.ts";
import { type LeaseTime, leaseTime } from "./lease-time.ts";

/**
 * `durable`: what was committed is there when the same place is opened again.
 * `replicas`: a place may be open several times at once.
 */
export type StoreCapability = "durable" | "replicas";

/** A kind of store, as the contract suite sees it. */
export interface StoreSuite {
  readonly name: string;
  /** Opens the store that lives at a place; the first time, it is empty. Each test has a place of its own. */
  readonly open: (place: string) => Promise<Store>;
  /** What this kind of store does not promise. */
  readonly skip?: readonly StoreCapability[];
  /**
   * Whose clock ends leases: that of the caller, who passes `now` (without this), or the store's own, so that replicas
   * need not agree on the time. Then `now` has no say, and the cases wait.
   */
  readonly leaseClock?: "caller" | "store";
  /** Sequences that are compared with the reference model; 30 without it. */
  readonly sequences?: number;
}

/** Opens places for the cases of one suite and closes what they leave open. */
export interface Cases {
  readonly suite: StoreSuite;
  /** A test with a fresh store. */
  readonly test: (name: string, body: (store: Store, place: string, time: LeaseTime) => Promise<void>) => void;
}

export function casesOf(suite: StoreSuite): Cases {
  let places = 0;
  return {
    suite,
    test: (name, body) => {
      places += 1;
      const place = `place-${places}`;
      it(name, async () => {
        const store = await suite.open(place);
        try {
          await body(store, place, leaseTime(suite.leaseClock));
        } finally {
          await store.close();
        }
      });
    },
  };
}
