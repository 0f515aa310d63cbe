import type { Instant, Milliseconds } from "../../core/time.ts";

/** Remembers what belongs to an id, for a while. */
export interface AgingMemory<Value> {
  get(id: string, now: Instant): Value | undefined;
  /** Under an id that nothing is remembered for. */
  add(id: string, value: Value, now: Instant): void;
  readonly size: number;
}

/** Forgets an id `span` after it was added, and the oldest ones when there are more than `most`. */
export function createAgingMemory<Value>(span: Milliseconds, most: number): AgingMemory<Value> {
  const values = new Map<string, Value>();
  // A map that is emptied from its front keeps the gaps and is slow to begin with: the order has a list of its own.
  let order: { readonly id: string; readonly since: Instant }[] = [];
  let first = 0;
  const forget = (now: Instant): void => {
    for (; first < order.length; first++) {
      const { id, since } = order[first]!;
      if (since + span > now && values.size <= most) break;
      values.delete(id);
    }
    if (first < 1024 || first * 2 < order.length) return;
    order = order.slice(first);
    first = 0;
  };
  return {
    get(id, now) {
      forget(now);
      return values.get(id);
    },
    add(id, value, now) {
      values.set(id, value);
      order.push({ id, since: now });
      forget(now);
    },
    get size() {
      return values.size;
    },
  };
}
