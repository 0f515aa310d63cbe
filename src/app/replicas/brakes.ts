import type { OpenOrder } from "../../core/exchange.ts";
import type { Store } from "../../core/ports.ts";
import type { FollowedEdge } from "./followed-edge.ts";

/**
 * The brakes of this replica: an order to go back takes the candidate's traffic away here before anybody has carried it
 * out, and they stay until the route says the same, or the order has come to nothing.
 */
export interface Brakes {
  pull(order: Pick<OpenOrder, "id" | "system" | "input">): void;
  /** Lets go what the holder has taken care of. */
  look(open: readonly OpenOrder[], held: ReadonlySet<string>): void;
  release(order: string): void;
}

interface Pulled {
  readonly system: string;
  readonly rollout: string;
  /** The order was seen to be open, so once it is not, it was answered. */
  seen: boolean;
}

export function createBrakes(store: Store, edgeOf: (system: string) => FollowedEdge | undefined): Brakes {
  const pulled = new Map<string, Pulled>();
  const release = (order: string) => {
    const system = pulled.get(order)?.system;
    pulled.delete(order);
    if (system !== undefined && ![...pulled.values()].some((other) => other.system === system)) edgeOf(system)?.letGo();
  };
  /** Nothing is on its way back: the order was refused, or the rollout is over. */
  const cameToNothing = async (rollout: string): Promise<boolean> => {
    const found = await store.rollout(rollout);
    const cord = found?.order?.kind === "rollback" || found?.order?.kind === "abort";
    return !found || found.endedAt !== undefined || (!cord && found.rollback === undefined);
  };
  return {
    pull({ id, system, input }) {
      const { rollout } = input as { readonly rollout?: string };
      if (pulled.has(id) || rollout === undefined) return;
      pulled.set(id, { system, rollout, seen: false });
      edgeOf(system)?.brake();
    },
    look(open, held) {
      const ids = new Set(open.map(({ id }) => id));
      for (const [id, one] of pulled) {
        if (ids.has(id)) one.seen = true;
        else if (one.seen) {
          const over = held.has(one.system) ? Promise.resolve(true) : cameToNothing(one.rollout);
          over.then((nothing) => (nothing || edgeOf(one.system)?.contained()) && release(id)).catch(() => undefined);
        }
      }
    },
    release,
  };
}
