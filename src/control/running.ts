import type { Rollout } from "../core/rollout.ts";
import { isStuck } from "./rollout.ts";
import type { Run } from "./run.ts";

/** One rollout that this process runs, or ran. */
export interface Running {
  readonly ended: Promise<Rollout>;
  /** Settled once we hold the right to act. */
  readonly run: Promise<Run>;
  /** The same, without waiting for it. */
  acting?: Run;
  over: boolean;
}

/** @param broke is told why the run ended, if not by itself */
export function startRun(
  begin: (onRun: (run: Run) => void) => Promise<Rollout>,
  broke: (reason: unknown) => void,
): Running {
  const { promise: run, resolve, reject } = Promise.withResolvers<Run>();
  const ended = begin(resolve);
  const running: Running = { ended, run, over: false };
  run.then((acting) => Object.assign(running, { acting })).catch(() => undefined);
  const close = () => {
    running.over = true;
  };
  ended.then(close, (reason) => {
    close();
    broke(reason);
    reject(reason);
  });
  return running;
}

/** Is a rollout being taken up? Of one that was stuck the store says that it has ended, until it restores once more. */
export function takesUp({ over, acting }: Running): boolean {
  return !over && (!acting || isStuck(acting.rollout));
}
