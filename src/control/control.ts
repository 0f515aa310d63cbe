import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Release } from "../core/release.ts";
import type { Rollout } from "../core/rollout.ts";
import { planRollback } from "../decide/plan-change.ts";
import type { LedgerState, Report } from "../record/report.ts";
import { composeReport } from "./compose-report.ts";
import type { ControlPorts, Settings } from "./ports.ts";
import { adopt, gate, openRollout, type ReleasePlans } from "./release.ts";
import { reopenStuck } from "./reopen.ts";
import { runRollout } from "./rollout.ts";
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
  /** Goes on with a rollout that a crash cut off, or with a rollback that got stuck; undefined when there is none. */
  resume(): Promise<Rollout | undefined>;
  ended(rollout: string): Promise<Rollout>;
  /** The plan back of a running rollout. */
  planBack(rollout: string): Promise<ReleasePlans["back"]>;
  /** A person pulls the cord: containment follows within one tick. */
  pullCord(rollout: string, by: string, reason: string): Promise<Rollout>;
  /** Lets a release out of quarantine. */
  lift(release: Release["id"], by: string): Promise<void>;
  report(rollout: string): Promise<Report>;
  rollouts(): Promise<readonly Rollout[]>;
}

export function createControl(
  ports: ControlPorts,
  settings: Settings,
  playbook: Playbook,
  facts: { readonly ledger: () => Promise<LedgerState>; readonly lastCandidateDispatch: () => number | undefined },
): Control {
  const runs = new Map<string, { ended: Promise<Rollout>; run?: Run }>();
  const start = (id: string) => {
    const known: { ended: Promise<Rollout>; run?: Run } = { ended: Promise.resolve(undefined as never) };
    known.ended = runRollout(ports, settings, playbook, id, (run) => {
      known.run = run;
    });
    known.ended.catch(() => undefined);
    runs.set(id, known);
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
      const rollout = await openRollout(ports, playbook, candidate);
      start(rollout.id);
      return rollout;
    },
    async resume() {
      const running = (await ports.store.rollouts(playbook.system)).find((rollout) => rollout.endedAt === undefined);
      const open = running ?? (await reopenStuck(ports, playbook));
      if (open && !runs.has(open.id)) start(open.id);
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
      const rollout = await find(id);
      const run = runs.get(id)?.run;
      if (!run || run.rollout.endedAt !== undefined) {
        throw new RollbookError("NOT_FOUND", { what: `running rollout ${id}: it has ended` });
      }
      run.cord ??= { by, reason: `${by}: ${reason}` };
      return rollout;
    },
    async lift(id, by) {
      const quarantine = await ports.store.quarantine(id);
      if (!quarantine) throw new RollbookError("NOT_FOUND", { what: `quarantined release ${id}` });
      await ports.store.commit([{ kind: "quarantine", quarantine: { ...quarantine, liftedBy: by } }]);
    },
    report: (id) => composeReport(ports, playbook, id, facts),
    rollouts: () => ports.store.rollouts(playbook.system),
  };
}
