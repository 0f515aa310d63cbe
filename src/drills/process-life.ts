import type { Instant } from "../core/time.ts";
import type { World } from "./world.ts";

/** Whether a controller lives and is awake. */
export interface Life {
  alive: boolean;
  diedAt?: Instant;
  /** Hears nothing before this moment. */
  pausedUntil: Instant;
  /** Reaches the store, or the targets, no more before this moment. */
  storeUntil: Instant;
  targetsUntil: Instant;
  /** How far its clock is from the world's. */
  skew: number;
}

export function newLife(skew = 0): Life {
  return { alive: true, pausedUntil: 0, storeUntil: 0, targetsUntil: 0, skew };
}

/** What a controller waits for. */
export type Awaited = "store" | "target" | "sleep";

export type Gate = <T>(kind: Awaited, call: () => Promise<T>) => Promise<T>;

/**
 * The effect of a call happens in any case; its answer is only heard by a process that lives and is awake. `befall` is what
 * may happen to the process while it waits.
 */
export function gateOf(world: World, life: Life, befall: (kind: Awaited) => void = () => undefined): Gate {
  const hears = async (): Promise<void> => {
    while (life.alive && world.clock.now() < life.pausedUntil) {
      await world.clock.sleep(life.pausedUntil - world.clock.now());
    }
    if (!life.alive) await never();
  };
  const isDeaf = () => !life.alive || world.clock.now() < life.pausedUntil;
  return (kind, call) => {
    if (!life.alive) return never();
    return call().then(
      (answer) => {
        befall(kind);
        return isDeaf() ? hears().then(() => answer) : answer;
      },
      async (error) => {
        befall(kind);
        if (isDeaf()) await hears();
        throw error;
      },
    );
  };
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
