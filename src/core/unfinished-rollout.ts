import type { Store } from "./ports.ts";
import type { Rollout } from "./rollout.ts";

/** While one is open no other begins, so it is the newest; some more are looked at. */
const LOOKED_AT = 50;

/** The rollout of a system that is not over. Costs the same after years as on the first day. */
export async function unfinishedRollout(store: Pick<Store, "rollouts">, system: string): Promise<Rollout | undefined> {
  return (await store.rollouts(system, LOOKED_AT)).find(({ endedAt }) => endedAt === undefined);
}
