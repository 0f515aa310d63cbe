import type { RestoreAdapter } from "../core/ports.ts";
import { drawChance, drawExponential } from "../simulation/draws.ts";
import type { SeededRandom } from "../simulation/random.ts";
import type { Crowd } from "./crowd.ts";
import type { Awaited, Life } from "./process-life.ts";
import { inject, storeError, type World } from "./world.ts";

/** What befalls one controller of a crowd, until it is calm. */
export interface Hardship {
  /** Crashes it, or lets it stand still. */
  befall(kind: Awaited): void;
  /** True once in a while; `kill` is then called by whoever asked. */
  crashes(): boolean;
  /** A call to the store. */
  reach<Answer>(call: () => Promise<Answer>): Promise<Answer>;
  target(adapter: RestoreAdapter): RestoreAdapter;
}

/** Mean of what a slow call to the store takes, each way. */
const STORE_MS = 400;
/** After so long without an answer of the store a call fails. */
const STORE_TIMEOUT_MS = 1000;
const CUT_MS = 6000;

/** How a call gets to the store, and its answer back. */
interface Way {
  readonly slowly: boolean;
  readonly lost: boolean;
  readonly slowlyBack: boolean;
  readonly lostBack: boolean;
}

export function hardshipOf(world: World, crowd: Crowd, random: SeededRandom, life: Life, kill: () => void): Hardship {
  const { clock } = world;
  const strikes = (rate: number) => rate > 0 && !world.calm() && drawChance(random, rate);
  const anything = 1 - (1 - crowd.storeSlow) ** 2 * (1 - crowd.storeLost) ** 2;
  const ends = 1 - (1 - crowd.crash) * (1 - crowd.pause);
  const slow = async (): Promise<void> => {
    inject(world, "store: slow");
    await clock.sleep(drawExponential(random, STORE_MS));
  };
  const unheard = async (what: "request" | "answer"): Promise<never> => {
    inject(world, `store: lost ${what}`);
    await clock.sleep(STORE_TIMEOUT_MS);
    throw storeError("the store did not answer");
  };
  const cutOff = async (): Promise<never> => {
    await clock.sleep(STORE_TIMEOUT_MS);
    throw new Error("the store cannot be reached");
  };
  const reach = <T>(call: () => Promise<T>): Promise<T> => {
    if (strikes(crowd.cutOff)) {
      inject(world, "cut off from the store");
      life.storeUntil = clock.now() + drawExponential(random, CUT_MS);
    }
    if (clock.now() < life.storeUntil) return cutOff();
    const way = wayOf();
    return way ? reachBy(way, call) : call();
  };
  /** What the next call to the store meets; undefined: nothing. */
  const wayOf = (): Way | undefined => {
    // One draw for most calls; of those that meet something, what it is.
    if (!strikes(anything)) return undefined;
    for (;;) {
      const [slowly, lost] = [drawChance(random, crowd.storeSlow), drawChance(random, crowd.storeLost)];
      const [slowlyBack, lostBack] = [drawChance(random, crowd.storeSlow), drawChance(random, crowd.storeLost)];
      if (slowly || lost || slowlyBack || lostBack) return { slowly, lost, slowlyBack, lostBack };
    }
  };
  const reachBy = async <T>({ slowly, lost, slowlyBack, lostBack }: Way, call: () => Promise<T>): Promise<T> => {
    if (slowly) await slow();
    if (lost) return unheard("request");
    const given = await call();
    if (slowlyBack) await slow();
    return lostBack ? unheard("answer") : given;
  };
  return {
    befall() {
      if (!strikes(ends)) return;
      if (drawChance(random, crowd.crash / ends)) {
        inject(world, "crash");
        kill();
      } else {
        const span = random.next() * crowd.longestPause;
        inject(world, span > 3000 ? "pause beyond the lease" : "pause");
        life.pausedUntil = clock.now() + span;
      }
    },
    crashes: () => strikes(crowd.crash),
    reach,
    target: (adapter) => {
      const cut = () => {
        if (strikes(crowd.cutOff)) {
          inject(world, "cut off from the targets");
          life.targetsUntil = clock.now() + drawExponential(random, CUT_MS);
        }
        return Math.max(0, life.targetsUntil - clock.now());
      };
      return {
        ...adapter,
        async read(at, signal) {
          const span = cut();
          if (span > 0) await clock.sleep(span, signal);
          return adapter.read(at, signal);
        },
        async apply(request, signal) {
          const span = cut();
          if (span > 0) await clock.sleep(span, signal);
          return span > 0 ? { kind: "unknown", reason: "cut off" } : adapter.apply(request, signal);
        },
      };
    },
  };
}
