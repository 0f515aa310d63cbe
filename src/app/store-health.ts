import type { Store } from "../core/ports.ts";
import { isStoreOver, storeErrorOf } from "../core/store-error.ts";
import type { Instant } from "../core/time.ts";

/** Since when something does not work, and why. */
export interface Trouble {
  readonly since: Instant;
  readonly reason: string;
}

/** What this process knows of its store by using it; nothing is asked for that. */
export interface StoreHealth {
  /** The same store. */
  readonly store: Store;
  /** It could not be read the last time. */
  unreadable(): Trouble | undefined;
  /** It will take no write any more in this process, as after a failed flush. */
  over(): Trouble | undefined;
}

const WRITES: ReadonlySet<string> = new Set(["commit", "acquireLease", "renewLease", "renewLeases"]);

/** @param onOver is told once of a store that takes no write any more */
export function watchStore(store: Store, now: () => Instant, onOver: (reason: string) => void): StoreHealth {
  let unreadable: Trouble | undefined;
  let over: Trouble | undefined;
  const failed = (error: unknown, writes: boolean) => {
    const reason = storeErrorOf(error)?.message;
    if (reason === undefined) return;
    if (!writes) unreadable ??= { since: now(), reason };
    else if (!over && isStoreOver(error)) {
      over = { since: now(), reason };
      onOver(reason);
    }
  };
  const calls = Object.entries(store).map(([name, method]) => {
    const writes = WRITES.has(name);
    const call = async (...given: readonly unknown[]) => {
      try {
        const answer = await (method as (...all: readonly unknown[]) => Promise<unknown>)(...given);
        // Tokens are answered from memory, so they say nothing of the store.
        if (writes) over = undefined;
        else if (name !== "tokens") unreadable = undefined;
        return answer;
      } catch (error) {
        failed(error, writes);
        throw error;
      }
    };
    return [name, call];
  });
  return { store: Object.fromEntries(calls), unreadable: () => unreadable, over: () => over };
}
