import type { Json } from "../core/digest.ts";
import { type Exchange, type GivenOrder, MOST_POSTS, type Post, type SystemView } from "../core/exchange.ts";
import type { Store } from "../core/ports.ts";
import type { Lease } from "../core/rollout.ts";
import type { Instant } from "../core/time.ts";

/** What the replicas of one simulated store share. */
export interface MemoryHub {
  /** The store, as every replica must use it: leases are taken through it. */
  readonly store: Store;
  /** One replica's way to the others. `reaches` false: every call fails, until it is true again. */
  replica(): { readonly exchange: Exchange; reaches: boolean };
}

interface Table {
  readonly leases: Map<string, { lease: Lease; exposedAt?: Instant }>;
  readonly orders: Map<string, { readonly order: GivenOrder; taken?: number; answer?: Json }>;
  readonly posts: Map<string, Post>;
  readonly news: { readonly number: number; readonly by: string; readonly event: Json }[];
  readonly agreed: Map<string, string>;
  readonly hints: Set<() => void>;
  number: number;
}

/** Several replicas of one process over one store in memory, by one clock. */
export function shareMemory(store: Store, now: () => Instant): MemoryHub {
  const table: Table = {
    leases: new Map(),
    orders: new Map(),
    posts: new Map(),
    news: [],
    agreed: new Map(),
    hints: new Set(),
    number: 0,
  };
  const shared: Store = {
    ...store,
    async acquireLease(resource, holder, ttl, at) {
      const lease = await store.acquireLease(resource, holder, ttl, at);
      if (lease) table.leases.set(resource, { lease });
      return lease;
    },
  };
  return {
    store: shared,
    replica() {
      const replica: { readonly exchange: Exchange; reaches: boolean } = {
        reaches: true,
        exchange: exchangeOver(table, shared, now, () => replica.reaches),
      };
      return replica;
    },
  };
}

function exchangeOver(table: Table, store: Store, now: () => Instant, reaches: () => boolean): Exchange {
  const own = new Set<() => void>();
  const wired = <Args extends readonly unknown[], Result>(call: (...args: Args) => Promise<Result> | Result) =>
    (async (...args: Args) => {
      await Promise.resolve();
      if (!reaches()) throw new Error("the store does not answer");
      return call(...args);
    }) as (...args: Args) => Promise<Result>;
  const next = () => {
    table.number += 1;
    return table.number;
  };
  const viewOf = async (system: string): Promise<SystemView> => {
    const held = table.leases.get(`system:${system}`);
    const route = await store.route(system);
    const [newest] = await store.rollouts(system, 1);
    return {
      system,
      ...(route ? { route } : {}),
      ...(newest ? { rollout: newest.id } : {}),
      ...(held ? { holder: held.lease.holder } : {}),
      fence: held?.lease.fence ?? 0,
      left: held ? held.lease.until - now() : 0,
      ...(held?.exposedAt === undefined ? {} : { exposedFor: now() - held.exposedAt }),
    };
  };
  return {
    renew: wired(async (renewals, ttl) => {
      const renewed: Lease[] = [];
      for (const { lease, exposedFor } of renewals) {
        const newer = await store.renewLease(lease, ttl, now());
        const held = table.leases.get(lease.resource);
        if (!newer || !held) continue;
        held.lease = newer;
        if (exposedFor !== undefined) held.exposedAt = now() - exposedFor;
        renewed.push(newer);
      }
      return renewed;
    }),
    free: wired(async (lease) => {
      const freed = await store.renewLease(lease, 0, now());
      const held = table.leases.get(lease.resource);
      if (freed && held) held.lease = freed;
    }),
    look: wired(async (systems) => ({
      now: now(),
      systems: await Promise.all(systems.map(viewOf)),
      orders: [...table.orders.values()]
        .filter(({ order, answer }) => answer === undefined && systems.includes(order.system))
        .map(({ order, taken }) => ({ ...order, taken: taken !== undefined })),
      flags: await store.flags(),
    })),
    give: wired((order) => void table.orders.set(order.id, { order })),
    begin: wired((id, { fence }) => {
      const found = table.orders.get(id);
      if (!found || found.answer !== undefined || (found.taken ?? 0) > fence) return false;
      found.taken = fence;
      return true;
    }),
    answer: wired((id, answer) => {
      const found = table.orders.get(id);
      if (found) found.answer ??= answer;
    }),
    answerTo: wired((id) => table.orders.get(id)?.answer),
    post: wired((posts) => {
      for (const post of posts) {
        const id = String(next());
        table.posts.set(id, { ...post, id });
      }
    }),
    collect: wired((systems, done) => {
      for (const id of done) table.posts.delete(id);
      return [...table.posts.values()].filter(({ system }) => systems.includes(system)).slice(0, MOST_POSTS);
    }),
    tell: wired((by, events) => {
      for (const event of events) table.news.push({ number: next(), by, event });
    }),
    told: wired((to, after) => table.news.filter(({ number, by }) => number > after && by !== to)),
    agree: wired((name, value) => {
      if (!table.agreed.has(name)) table.agreed.set(name, value);
      return table.agreed.get(name)!;
    }),
    hint() {
      for (const told of reaches() ? table.hints : []) told();
    },
    onHint(told, signal) {
      table.hints.add(told);
      own.add(told);
      signal.addEventListener("abort", () => table.hints.delete(told), { once: true });
    },
    async close() {
      for (const told of own) table.hints.delete(told);
    },
  };
}
