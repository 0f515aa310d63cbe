import type { Playbook } from "../core/playbook.ts";
import type { Instant } from "../core/time.ts";
import { unfinishedRollout } from "../core/unfinished-rollout.ts";
import { actsElsewhere } from "./fenced-error.ts";
import type { ControlPorts, Settings } from "./ports.ts";
import type { Unrecorded } from "./run.ts";
import { createUnsealed } from "./seal.ts";
import { failureText, isStoreFailure } from "./store-failure.ts";

/** So often a rollout that breaks by a fault of ours is taken up again by itself; then people must say so. */
const MOST_BREAKS = 6;
/** A fault that is so long ago is no sign that it breaks every time. */
const FORGOTTEN_MS = 3_600_000;

interface Broken extends Unrecorded {
  readonly times: number;
  /** Of the newest one. */
  readonly at: Instant;
}

/** Rollouts that are open and do not run, because a run broke or an answer was lost: nobody else would bring them back. */
export interface TakeUp {
  /** A run ended by this, and not by itself. */
  broke(rollout: string, error: unknown): void;
  /** The rollout that breaks by a fault of ours, until a run of it ends by itself. */
  broken(): Unrecorded | undefined;
  mended(rollout: string): void;
  /** Starts what broke again, or was not sealed, when nothing else runs, until the signal ends it. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * What the store or a newer controller cut off is taken up at each lease. What breaks by a fault of ours is told to people
 * at once, is taken up after growing pauses, and not more often than `MOST_BREAKS`: meanwhile its share lapses.
 * @param calm says whether nothing runs here, or begins
 */
export function createTakeUp(
  ports: ControlPorts,
  { leaseMs }: Settings,
  playbook: Playbook,
  calm: () => boolean,
  start: (rollout: string) => void,
): TakeUp {
  const { clock, store } = ports;
  const { system, who } = playbook;
  const unsealed = createUnsealed(store);
  const faults = new Map<string, Broken>();
  const tell = (rollout: string, what: string, lines: readonly string[]) =>
    void ports.notifier
      .notify(who.now, `${system}: rollout ${rollout} ${what}`, lines.join("\n"), rollout)
      .catch(() => undefined);

  const mayStart = (rollout: string): boolean => {
    const fault = faults.get(rollout);
    if (!fault) return true;
    return fault.times < MOST_BREAKS && clock.now() >= fault.at + leaseMs * 2 ** (fault.times - 1);
  };

  return {
    broke(rollout, error) {
      if (actsElsewhere(error) || isStoreFailure(error)) return;
      const at = clock.now();
      const last = faults.get(rollout);
      const known = last && at - last.at < FORGOTTEN_MS ? last : undefined;
      const reason = failureText(error);
      const times = (known?.times ?? 0) + 1;
      faults.set(rollout, { what: `rollout ${rollout} broke`, since: known?.since ?? at, reason, times, at });
      ports.log?.(`${system}: rollout ${rollout}: ${error instanceof Error ? error.stack : reason}`);
      const share = "A candidate has no share while nothing runs it.";
      if (!known) tell(rollout, "broke inside Rollbook", [reason, `${share} It is taken up again.`]);
      if (times === MOST_BREAKS)
        tell(rollout, `broke ${times} times and is not taken up any more`, [
          reason,
          `${share} \`rollbook rollback ${rollout}\`, or a restart, tries it once more.`,
        ]);
    },
    broken: () => [...faults.values()].at(-1),
    mended: (rollout) => void faults.delete(rollout),
    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(leaseMs, signal);
        if (signal.aborted || !calm()) continue;
        const open = await unfinishedRollout(store, system).catch(() => undefined);
        const [newest] = open ? [] : await store.rollouts(system, 1).catch(() => []);
        const left = open?.id ?? (await unsealed(newest).catch(() => undefined));
        if (left !== undefined && mayStart(left) && calm() && !signal.aborted) start(left);
      }
    },
  };
}
