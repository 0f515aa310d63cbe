import type { OpenOrder } from "../../core/exchange.ts";
import type { Store } from "../../core/ports.ts";
import type { FollowedEdge } from "./followed-edge.ts";

/**
 * The brakes of this replica: an order to go back takes the candidate's traffic away here before anybody has carried it
 * out, and they stay until the route says the same, or the order has come to nothing.
 */
export interface Brakes {
  pull(order: Pick<OpenOrder, "id" | "system" | "input">): void;
  /** Lets go what the route says itself by now, and what came to nothing. */
  look(open: readonly OpenOrder[]): void;
  /** The order was carried out here. */
  carried(order: string): void;
  release(order: string): void;
}

interface Pulled {
  readonly system: string;
  readonly rollout: string;
  /** The order was seen to be open, so once it is not, it was answered. */
  seen: boolean;
}

/** Orders that stop harm: every replica obeys them at its own edge as soon as it sees them. */
export function isCord({ operation }: Pick<OpenOrder, "operation">): boolean {
  return operation === "rollback" || operation === "abort";
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
    carried(order) {
      const one = pulled.get(order);
      if (one) one.seen = true;
    },
    look(open) {
      const ids = new Set(open.map(({ id }) => id));
      for (const [id, one] of pulled) {
        if (ids.has(id)) one.seen = true;
        else if (one.seen && edgeOf(one.system)?.contained()) release(id);
        else if (one.seen)
          cameToNothing(one.rollout)
            .then((nothing) => nothing && release(id))
            .catch(() => undefined);
      }
    },
    release,
  };
}
