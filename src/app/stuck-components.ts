import { isStuck } from "../control/rollout.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Store } from "../core/ports.ts";

/**
 * Why another playbook has to wait for a stuck rollback, if it has to: what that has to bring back is what the playbook named when it was
 * decided, and with other components there is no plan for that.
 */
export async function stuckOverOthers(
  store: Pick<Store, "rollouts">,
  inEffect: Playbook,
  next: Playbook,
): Promise<string | undefined> {
  if (namesIn(inEffect) === namesIn(next)) return undefined;
  const [newest] = await store.rollouts(next.system, 1);
  if (!newest || !isStuck(newest)) return undefined;
  return `${next.system}: other components take effect when the stuck rollback of ${newest.id} is over, or with the next start`;
}

function namesIn({ components }: Playbook): string {
  return components
    .map(({ name }) => name)
    .toSorted()
    .join();
}
