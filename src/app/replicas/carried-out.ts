import type { Digest, Json } from "../../core/digest.ts";
import type { OpenOrder } from "../../core/exchange.ts";
import type { Store } from "../../core/ports.ts";
import type { AnyOperation } from "../../operations/operation.ts";
import { openedFor } from "./opened-for.ts";

/** So many entries are looked through, the newest: an order waits for seconds. */
const LOOKED_AT = 500;

/**
 * What was answered to an order that a holder had carried out before it died: how it stands now what the order was about.
 * Undefined where nothing of the order is recorded: then it is carried out.
 */
export async function carriedOut(store: Store, order: OpenOrder): Promise<Json | undefined> {
  const opened = await openedFor(store, order);
  if (opened) return opened as unknown as Json;
  const { rollout, release, ...input } = order.input as Readonly<Record<string, Json>>;
  const newest = async () => (await store.rollouts(order.system, 1)).map(({ id }) => id);
  const abouts = typeof rollout === "string" ? [rollout] : [order.system, ...(await newest())];
  const entries = (await Promise.all(abouts.map((about) => store.entriesAbout(about, LOOKED_AT)))).flat();
  const isOurs = ({ leaf }: { readonly leaf: string }) =>
    leaf.includes(order.id) && (JSON.parse(leaf) as { data: { given?: string } }).data.given === order.id;
  if (!entries.some(isOurs)) return undefined;
  if (typeof rollout === "string") return ((await store.rollout(rollout)) ?? null) as unknown as Json;
  if (typeof release === "string") return ((await store.quarantine(release as Digest)) ?? null) as unknown as Json;
  return ANSWERS[order.operation]?.(input) ?? null;
}

/** What those answer that are about a system. */
const ANSWERS: Readonly<Record<AnyOperation["name"], (input: Readonly<Record<string, Json>>) => Json>> = {
  weight: ({ percent = null }) => ({ percent }),
  contain: ({ to = null }) => ({ contained: to }),
  acknowledge: () => ({ acknowledged: true }),
};
