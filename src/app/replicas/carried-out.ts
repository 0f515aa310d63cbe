import type { Digest, Json } from "../../core/digest.ts";
import type { EntryType } from "../../core/entry.ts";
import type { OpenOrder } from "../../core/exchange.ts";
import type { Store } from "../../core/ports.ts";
import type { Rollout } from "../../core/rollout.ts";
import type { AnyOperation } from "../../operations/operation.ts";
import { isCord } from "./brakes.ts";

/** So many of each are looked through, the newest: an order waits for seconds. */
const LOOKED_AT = { entries: 500, rollouts: 10 } as const;
/** What a rollout begins with. */
const BEGINNINGS = ["rollout-started", "noticed"] as const;

/**
 * What an order has found that a holder had carried out before it died: how it stands now what the order was about.
 * Undefined where it was not carried out, or not to its end: then it is carried out.
 */
export async function carriedOut(store: Store, order: OpenOrder): Promise<{ readonly found: Json } | undefined> {
  const found = await standOf(store, order);
  return found === undefined ? undefined : { found: found as Json };
}

async function standOf(store: Store, order: OpenOrder): Promise<unknown> {
  const isNamed = async (about: string, type?: EntryType) =>
    (await store.entriesAbout(about, LOOKED_AT.entries, type)).some(
      ({ leaf }) =>
        leaf.includes(order.id) && (JSON.parse(leaf) as { data: { given?: string } }).data.given === order.id,
    );
  const newest = await store.rollouts(order.system, LOOKED_AT.rollouts);
  for (const one of newest) for (const type of BEGINNINGS) if (await isNamed(one.id, type)) return one;
  const { rollout, release, ...input } = order.input as Readonly<Record<string, Json>>;
  const abouts = typeof rollout === "string" ? [rollout] : [order.system, ...newest.slice(0, 1).map(({ id }) => id)];
  const named = await Promise.all(abouts.map((about) => isNamed(about)));
  if (!named.includes(true)) return undefined;
  if (typeof rollout === "string") {
    const stand = await store.rollout(rollout);
    // Recorded as the rollout was settled, or at its end, and nothing came of it.
    return isCord(order) && stand && !goesBack(stand) ? undefined : (stand ?? null);
  }
  if (typeof release === "string") return (await store.quarantine(release as Digest)) ?? null;
  return ANSWERS[order.operation]?.(input) ?? null;
}

function goesBack({ rollback, phase, order, endedAt }: Rollout): boolean {
  const stands = order?.kind === "rollback" || order?.kind === "abort";
  return rollback !== undefined || phase === "aborted" || (stands && endedAt === undefined);
}

/** What those answer that are about a system. */
const ANSWERS: Readonly<Record<AnyOperation["name"], (input: Readonly<Record<string, Json>>) => Json>> = {
  weight: ({ percent = null }) => ({ percent }),
  contain: ({ to = null }) => ({ contained: to }),
  acknowledge: () => ({ acknowledged: true }),
};
