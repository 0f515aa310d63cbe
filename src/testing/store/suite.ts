import { it } from "node:test";
import type { Store } from "../../core/ports.ts";

/** `durable`: what was committed is there when the same place is opened again. */
export type StoreCapability = "durable";

/** A kind of store, as the contract suite sees it. */
export interface StoreSuite {
  readonly name: string;
  /** Opens the store that lives at a place; the first time, it is empty. Each test has a place of its own. */
  readonly open: (place: string) => Promise<Store>;
  /** What this kind of store does not promise. */
  readonly skip?: readonly StoreCapability[];
}

/** Opens places for the cases of one suite and closes what they leave open. */
export interface Cases {
  readonly suite: StoreSuite;
  /** A test with a fresh store. */
  readonly test: (name: string, body: (store: Store, place: string) => Promise<void>) => void;
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
          await body(store, place);
        } finally {
          await store.close();
        }
      });
    },
  };
}
