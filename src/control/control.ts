import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Release } from "../core/release.ts";
import type { Rollout } from "../core/rollout.ts";
import { planRollback } from "../decide/plan-change.ts";
import type { LedgerState, Report } from "../record/report.ts";
import { composeReport } from "./compose-report.ts";
import type { ControlPorts, Settings } from "./ports.ts";
import { pullCord } from "./pull-cord.ts";
import { adopt, gate, openRollout, type ReleasePlans } from "./release.ts";
import { isStuck, runRollout } from "./rollout.ts";
import type { Run } from "./run.ts";

/** The use cases of one protected AI system. */
export interface Control {
  readonly playbook: Playbook;
  /** Declares what serves now as the first restore point. */
  adopt(release: Release): Promise<void>;
  /** What a release would do, and its way back; changes nothing. */
  plan(candidate: Release): Promise<ReleasePlans>;
  /** Opens a rollout and runs it in the background; `ended` waits for it. */
  release(candidate: Release): Promise<Rollout>;
  /** Goes on with a rollout that a crash cut off, or tries a stuck rollback once more; undefined when there is neither. */
  resume(): Promise<Rollout | undefined>;
  ended(rollout: string): Promise<Rollout>;
  /** The plan back of a running rollout. */
  planBack(rollout: string): Promise<ReleasePlans["back"]>;
  /** A person pulls the cord: the candidate is contained at once, and the order is durable when this returns. */
  pullCord(rollout: string, by: string, reason: string): Promise<Rollout>;
  /** Lets a release out of quarantine. */
  lift(release: Release["id"], by: string): Promise<void>;
  report(rollout: string): Promise<Report>;
  rollouts(): Promise<readonly Rollout[]>;
}

/** One rollout that this process runs, or ran. */
interface Running {
  readonly ended: Promise<Rollout>;
  /** Settled once we hold the right to act. */
  readonly run: Promise<Run>;
  over: boolean;
}

function startRun(begin: (onRun: (run: Run) => void) => Promise<Rollout>): Running {
  const { promise: run, resolve, reject } = Promise.withResolvers<Run>();
  const ended = begin(resolve);
  const running: Running = { ended, run, over: false };
  const close = () => {
    running.over = true;
  };
  ended.then(close, (reason) => {
    close();
    reject(reason);
  });
  run.catch(() => undefined);
  return running;
}

export function createControl(
  ports: ControlPorts,
  settings: Settings,
  playbook: Playbook,
  facts: { readonly ledger: () => Promise<LedgerState>; readonly lastCandidateDispatch: () => number | undefined },
): Control {
  const runs = new Map<string, Running>();
  let opening: Promise<unknown> = Promise.resolve();
  const start = (id: string) => {
    const running = startRun((onRun) => runRollout(ports, settings, playbook, id, onRun));
    runs.set(id, running);
  };
  const find = async (id: string): Promise<Rollout> => {
    const rollout = await ports.store.rollout(id);
    if (!rollout) throw new RollbookError("NOT_FOUND", { what: `rollout ${id}` });
    return rollout;
  };
  const releaseOf = async (id: Release["id"]): Promise<Release> => {
    const release = await ports.store.release(id);
    if (!release) throw new RollbookError("NOT_FOUND", { what: `release ${id}` });
    return release;
  };
  return {
    playbook,
    adopt: (release) => adopt(ports, playbook, release),
    plan: (candidate) => gate(ports, playbook, candidate),
    async release(candidate) {
      // One after the other: two at the same moment would both pass the gate.
      const open = () => openRollout(ports, playbook, candidate);
      const opened = opening.then(open, open);
      opening = opened;
      const rollout = await opened;
      start(rollout.id);
      return rollout;
    },
    async resume() {
      const rollouts = await ports.store.rollouts(playbook.system);
      const newest = rollouts[0];
      const open =
        rollouts.find(({ endedAt }) => endedAt === undefined) ?? (newest && isStuck(newest) ? newest : undefined);
      if (open && runs.get(open.id)?.over !== false) start(open.id);
      return open;
    },
    ended: async (id) => runs.get(id)?.ended ?? find(id),
    async planBack(id) {
      const rollout = await find(id);
      const planned = planRollback(playbook, await releaseOf(rollout.candidate), await releaseOf(rollout.stable));
      if (planned.kind === "impossible")
        throw new RollbookError("RELEASE_REFUSED", { reason: planned.reasons.join("; ") });
      return planned;
    },
    async pullCord(id, by, reason) {
      await find(id);
      const running = runs.get(id);
      if (!running) throw new RollbookError("NOT_FOUND", { what: `running rollout ${id}: it has ended` });
      const run = await running.run;
      await pullCord(run, { by, reason });
      return run.rollout;
    },
    async lift(id, by) {
      const quarantine = await ports.store.quarantine(id);
      if (!quarantine) throw new RollbookError("NOT_FOUND", { what: `quarantined release ${id}` });
      const { system } = playbook;
      const data = { release: id, liftedBy: by };
      await ports.store.commit([
        { kind: "quarantine", quarantine: { ...quarantine, liftedBy: by } },
        { kind: "entry", entry: { type: "quarantined", at: ports.clock.now(), system, actor: by, data } },
      ]);
    },
    report: (id) => composeReport(ports, playbook, id, facts),
    rollouts: () => ports.store.rollouts(playbook.system),
  };
}
