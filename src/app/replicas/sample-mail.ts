import type { Exchange } from "../../core/exchange.ts";
import type { Sample } from "../../core/sample.ts";
import { systemClock } from "../system-clock.ts";

/** Takes what a replica counts to the holder of its system. */
export interface SampleMail {
  /** Posts what was counted here of systems that others hold. What could not be posted is posted with the next call. */
  send(drained: readonly { readonly system: string; readonly drain: () => readonly Sample[] }[]): Promise<void>;
  /** Fetches what others have counted of systems that we hold. */
  fetch(systems: readonly string[]): Promise<void>;
  /** What has come since the last call, as known from now on: judged and stored in this order, here and in any replay. */
  take(system: string): readonly Sample[];
}

/** Fetches after which a post is taken away: what it holds is stored by then, or lost with this process's own counts. */
const FETCHES = 8;

interface Received {
  readonly system: string;
  taken: boolean;
  fetches: number;
}

export function createSampleMail(exchange: Exchange): SampleMail {
  let unsent: readonly { readonly system: string; readonly samples: readonly Sample[] }[] = [];
  const waiting = new Map<string, Sample[]>();
  const received = new Map<string, Received>();
  /** The newest sequence of each node that was received: a post whose answer was lost may be there twice. */
  const newest = new Map<string, number>();
  return {
    async send(drained) {
      if (unsent.length === 0)
        unsent = drained
          .map(({ system, drain }) => ({ system, samples: drain() }))
          .filter(({ samples }) => samples.length > 0);
      if (unsent.length === 0) return;
      await exchange.post(unsent);
      unsent = [];
    },
    async fetch(systems) {
      if (systems.length === 0 && received.size === 0) return;
      for (const [id, { system }] of received) if (!systems.includes(system)) received.delete(id);
      for (const one of received.values()) if (one.taken) one.fetches += 1;
      const done = [...received].filter(([, { fetches }]) => fetches > FETCHES).map(([id]) => id);
      const posts = await exchange.collect(systems, done);
      for (const id of done) received.delete(id);
      for (const { id, system, samples } of posts) {
        if (received.has(id)) continue;
        received.set(id, { system, taken: false, fetches: 0 });
        const fresh = samples.filter(({ node, sequence }) => sequence > (newest.get(node) ?? 0));
        for (const { node, sequence } of fresh) newest.set(node, Math.max(sequence, newest.get(node) ?? 0));
        const list = waiting.get(system) ?? [];
        waiting.set(system, list);
        list.push(...fresh);
      }
    },
    take(system) {
      for (const one of received.values()) if (one.system === system) one.taken = true;
      const samples = waiting.get(system) ?? [];
      waiting.delete(system);
      const known = systemClock.now();
      return samples.map((sample) => ({ ...sample, known }));
    },
  };
}
