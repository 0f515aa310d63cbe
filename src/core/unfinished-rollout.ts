import type { Store } from "./ports.ts";
import type { Rollout } from "./rollout.ts";

/** The rollout of a system that is not over; the newest, should there be several. */
export async function unfinishedRollout(
  store: Pick<Store, "openRollouts">,
  system: string,
): Promise<Rollout | undefined> {
  return (await store.openRollouts(system))[0];
}
