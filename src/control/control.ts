import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import { refuse } from "../core/refusal.ts";
import type { Release } from "../core/release.ts";
import type { Order, Rollout } from "../core/rollout.ts";
import { unfinishedRollout } from "../core/unfinished-rollout.ts";
import type { WayBack } from "../core/way-back.ts";
import { withDeclaredUndo } from "../decide/declared-undo.ts";
import { servingPlace } from "../decide/place.ts";
import type { LedgerState, Report } from "../record/report.ts";
import { composeReport } from "./compose-report.ts";
import { createHandContainment } from "./contain-by-hand.ts";
import { createDecisionReplays } from "./decision-replays.ts";
import type { DriftStatus } from "./drift.ts";
import { type Explanation, explainRollout } from "./explanation.ts";
import { gate, type ReleasePlans } from "./gate.ts";
import { pullCord, steer } from "./give-order.ts";
import { createIdleWatch, type Unannounced } from "./idle-watch.ts";
import { newestThatCounts } from "./left-behind.ts";
import { type LiveComponent, readComponents } from "./live-state.ts";
import { lookAt } from "./look.ts";
import { withNewestKnown } from "./newest-known.ts";
import { openUnannounced } from "./open-unannounced.ts";
import { planBackOf } from "./plan-back.ts";
import { createPlanWatch } from "./plan-watch.ts";
import type { ControlPorts, Settings } from "./ports.ts";
import { liftQuarantine, quarantine } from "./quarantine.ts";
import { CONTAINED_UNRECORDED, type Missed } from "./record-afterwards.ts";
import { adopt, composeRelease, openRollout } from "./release.ts";
import { isStuck, runRollout } from "./rollout.ts";
import type { Run, Unrecorded } from "./run.ts";
import { type Running, startRun, takesUp } from "./running.ts";
import { takeUpRestore, turnRestore } from "./steer-restore.ts";
import { knowingFailures } from "./store-failure.ts";
import { type Opened, openTakeBack } from "./take-back.ts";
import { createTakeUp } from "./take-up.ts";
import { createEscalation } from "./tell-people.ts";
import { setWeight } from "./weight.ts";

/** The use cases of one protected AI system. `given`: the id of the order that a person gave, recorded with what it changes. */
export interface Control {
  readonly playbook: Playbook;
  /** Declares what serves now as the first restore point; without a release, whatever the components answer. */
  adopt(release?: Release): Promise<void>;
  /** A release from what people call its revisions; what is not named stays as it is. */
  compose(label: string | undefined, references: Readonly<Record<string, string>>): Promise<Release>;
  /** What a release would do, and its way back; changes nothing. */
  plan(candidate: Release): Promise<ReleasePlans>;
  /** Opens a rollout and runs it in the background; `ended` waits for it. */
  release(candidate: Release, given?: string): Promise<Rollout>;
  /** Goes on with a rollout that a crash cut off, or tries a stuck rollback once more; undefined when there is neither. */
  resume(): Promise<Rollout | undefined>;
  ended(rollout: string): Promise<Rollout>;
  /** A rollout that runs in this process, from memory. */
  acting(rollout: string): Rollout | undefined;
  /** The plan back of a running rollout that is ready in memory, if one is. */
  readyBack(rollout: string): ReleasePlans["back"] | undefined;
  /** The same, planned anew where none is ready. @throws RELEASE_REFUSED when there is no way back. */
  planBack(rollout: string): Promise<ReleasePlans["back"]>;
  /** A person pulls the cord: the candidate is contained at once, and the order is durable when this returns. */
  pullCord(rollout: string, by: string, reason: string, given?: string): Promise<Rollout>;
  /** Takes back a release that was promoted and settled: traffic first, then everything else, like the cord. */
  takeBack(by: string, reason: string, given?: string): Promise<Rollout>;
  /** Under `authority: observe` people say which share the observed release gets; nothing else moves it. */
  weight(percent: number, by: string, given?: string): Promise<void>;
  /** Sends all traffic to a pre-signed way, or (`stable`) lets the route count again. */
  contain(to: "stable" | "else" | "safe", by: string, reason: string, given?: string): Promise<void>;
  /** Goes back like the cord, without a quarantine: the release itself is not to blame. */
  abort(rollout: string, by: string, reason: string, given?: string): Promise<Rollout>;
  /** Holds a rollout at its step; judging goes on. On the way back it halts the restore. */
  pause(rollout: string, by: string, reason: string, given?: string): Promise<Rollout>;
  /** Lets a paused rollout go on, or restores once more after one that was halted or stuck. */
  proceed(rollout: string, by: string, given?: string): Promise<Rollout>;
  /** Puts back what a halted or stuck restore has changed: nothing but a person's order deploys a bad release again. */
  redeploy(rollout: string, by: string, reason: string, given?: string): Promise<Rollout>;
  /** Ends all waiting of a rollout: its steps' time, or its holdback. */
  promote(rollout: string, by: string, reason: string, given?: string): Promise<Rollout>;
  /** Keeps a release from being deployed again. */
  quarantine(release: Release["id"], by: string, reason: string, given?: string): Promise<void>;
  /** Something outside says that it is worth a look: sources are asked at once, and the look is recorded. */
  look(reason: string, key: string): Promise<void>;
  /** What is known of drift of the release that serves alone. */
  drift(): DriftStatus | undefined;
  /** Somebody has seen that it drifted: the watch begins anew. @throws NOT_FOUND when nothing was told. */
  acknowledge(by: string, reason: string, given?: string): Promise<void>;
  /** The way back as it stands: planned, checked and priced; undefined before the first look. */
  wayBack(): WayBack | undefined;
  /** What every component serves now. */
  live(): Promise<readonly LiveComponent[]>;
  /** What was done and the store has not taken yet. */
  unrecorded(): Unrecorded | undefined;
  /** The rollout whose run breaks by a fault of ours. */
  broken(): Unrecorded | undefined;
  /** What is known without the store: the last known good release, as it was read last, and the rollout that runs here. */
  memory(): { readonly good?: Release | undefined; readonly running?: Rollout | undefined };
  /** Does a rollout run, or begin? Then nobody else may take the system over. */
  busy(): boolean;
  /** Notices who changes components without Rollbook, and takes up again what broke, until the signal ends it. */
  watch(signal: AbortSignal): Promise<void>;
  /** Ends what runs here, as if the process had died: what is not over is taken up by the next start, or by another controller. */
  close(): void;
  /** Lets a release out of quarantine. */
  lift(release: Release["id"], by: string, given?: string): Promise<void>;
  report(rollout: string): Promise<Report>;
  /** The verdict that a rollout rests on, taken apart and in sentences. */
  explain(rollout: string): Promise<Explanation>;
  rollouts(): Promise<readonly Rollout[]>;
}

export function createControl(
  given: ControlPorts,
  settings: Settings,
  written: Playbook,
  facts: { readonly ledger: () => Promise<LedgerState>; readonly lastCandidateDispatch: () => number | undefined },
): Control {
  const ports: ControlPorts = { ...given, store: knowingFailures(given.store) };
  const playbook = withDeclaredUndo(written, ports.adapterFor);
  const runs = new Map<string, Running>();
  let opening: Promise<unknown> = Promise.resolve();
  let begun = 0;
  const replays = createDecisionReplays(() => ports.clock.sleep(0));
  const idle = createIdleWatch(ports, settings, playbook);
  const plans = createPlanWatch(ports, settings, playbook);
  const escalation = createEscalation(ports, settings, playbook);
  let closed = false;
  const isClosed = () => closed;
  const byHand = createHandContainment(ports, playbook, isClosed);
  /** A rollout that was opened and is not recorded yet. */
  let owed: Missed | undefined;
  const start = (id: string, recorded?: Promise<void>) => {
    if (runs.get(id)?.over === false) return;
    const run = (onRun: (run: Run) => void) => runRollout(ports, settings, playbook, id, onRun, idle, plans);
    const broke = (reason: unknown) => closed || takeUp.broke(id, reason);
    // Of what has ended the store knows all that is asked for: only the newest run is kept.
    for (const [other, { over }] of runs) if (over) runs.delete(other);
    const running = startRun(recorded ? (onRun) => recorded.then(() => run(onRun)) : run, broke);
    runs.set(id, running);
    running.ended.then(() => takeUp.mended(id)).catch(() => undefined);
    running.run.then(escalation.follow, () => undefined);
  };
  const find = async (id: string): Promise<Rollout> => {
    const rollout = await ports.store.rollout(id);
    if (!rollout) throw new RollbookError("NOT_FOUND", { what: `rollout ${id}` });
    return rollout;
  };
  const actingRollout = (id: string) => (runs.get(id)?.over === false ? runs.get(id)?.acting?.rollout : undefined);
  const fresh = withNewestKnown(ports.store, actingRollout);
  const runOf = async (id: string): Promise<Run> => {
    // What runs here is known without the store: the cord must work while that is away.
    if (runs.get(id)?.over !== false) {
      const found = await find(id).catch((error: unknown) => {
        if (!runs.has(id)) throw error;
      });
      // Taken up here if it was not yet, and anew if its run broke: that may know less than the store.
      if (found && found.endedAt === undefined) start(id);
    }
    const running = runs.get(id);
    if (!running) throw new RollbookError("NOT_FOUND", { what: `running rollout ${id}: it has ended` });
    return running.run;
  };
  const goBack = async (id: string, order: Order, given?: string): Promise<Rollout> => {
    const run = await runOf(id);
    if (!(await pullCord(run, order, given))) return run.rollout;
    // What its run still writes, it writes under a lease that the next run takes.
    await runs.get(id)?.ended;
    const settled = await ports.store.route(playbook.system);
    return openAlone(() => openTakeBack(ports, playbook, { ...order, given, settled }, run, isClosed));
  };
  const steerRun = async (id: string, order: Order | undefined, by: string, given?: string): Promise<Rollout> => {
    const run = await runOf(id);
    await steer(run, order, by, given);
    return run.rollout;
  };
  /** Whatever starts a run comes one after the other: two at the same moment would both find that nothing runs. */
  const alone = async <T>(begin: () => Promise<T>): Promise<T> => {
    begun += 1;
    const begins = opening.then(begin, begin);
    opening = begins;
    try {
      return await begins;
    } finally {
      begun -= 1;
    }
  };
  /** A rollback that needs people is given another order by one, and goes on. */
  const takeUpStuck = (id: string, order: (rollout: Rollout) => Promise<void>): Promise<Rollout> =>
    alone(async () => {
      const newest = await newestThatCounts(ports.store, playbook.system);
      if (newest?.id !== id || !isStuck(newest) || !calm())
        throw refuse(`rollout ${id} is no rollback that waits for people`, "`rollbook status` names what does.");
      await order(newest);
      start(id);
      return find(id);
    });
  const openAlone = (open: () => Promise<Opened>): Promise<Rollout> =>
    alone(async () => {
      if (owed) throw refuse(`a rollout is ${CONTAINED_UNRECORDED}: ${owed.reason}`, "Bring the store back.");
      if ([...runs.values()].some(takesUp)) throw refuse("a rollout is being taken up", "Try again in a few seconds.");
      const { rollout, missed } = await open();
      start(rollout.id, missed?.afterwards);
      if (!missed) return rollout;
      owed = missed;
      const end = () => {
        owed = undefined;
      };
      missed.afterwards.then(end, end);
      throw new RollbookError("NOT_RECORDED", { reason: missed.reason });
    });
  const openRecorded = (open: () => Promise<Rollout>) => openAlone(async () => ({ rollout: await open() }));
  /** The newest rollout of this process, if it was promoted and is over. */
  const lastPromoted = (): Run | undefined => {
    const run = [...runs.values()].at(-1)?.acting;
    return run?.rollout.promotedAt && run.rollout.endedAt && !run.rollout.rollback ? run : undefined;
  };
  /** What a take-back can go by while the store cannot be read. */
  const remembered = () => lastPromoted() ?? (calm() ? { foreign: idle.lastKnown() } : undefined);
  const calm = () => [...runs.values()].every(({ over }) => over);
  const takeUp = createTakeUp(ports, settings, playbook, () => begun === 0 && calm(), start);
  const releaseOf = async (id: Release["id"]): Promise<Release> => {
    const release = await ports.store.release(id);
    if (!release) throw new RollbookError("NOT_FOUND", { what: `release ${id}` });
    return release;
  };
  const readyBack = (id: string): ReleasePlans["back"] | undefined => {
    const { rollout, plan, digest } = plans.current() ?? {};
    return rollout === id && plan && digest ? { plan, digest } : undefined;
  };
  return {
    playbook,
    adopt: (release) => adopt(ports, playbook, release),
    plan: (candidate) => gate(ports, playbook, candidate, plans.past()),
    compose: (label, references) => composeRelease(ports, playbook, label, references),
    release: (candidate, given) => openRecorded(() => openRollout(ports, playbook, candidate, plans.past(), given)),
    resume: () =>
      alone(async () => {
        const [newest] = await ports.store.rollouts(playbook.system, 1);
        const { held, halted } = newest?.rollback ?? {};
        const goesOn = newest && isStuck(newest) && !held && !halted && playbook.authority === "act";
        const open = (await unfinishedRollout(ports.store, playbook.system)) ?? (goesOn ? newest : undefined);
        if (open) start(open.id);
        return open;
      }),
    ended: async (id) => runs.get(id)?.ended ?? find(id),
    acting: actingRollout,
    readyBack,
    async planBack(id) {
      const ready = readyBack(id);
      if (ready) return ready;
      const rollout = await find(id);
      const [candidate, stable] = [await releaseOf(rollout.candidate), await releaseOf(rollout.stable)];
      return planBackOf(ports, playbook, rollout, candidate, stable, plans.past());
    },
    pullCord: (id, by, reason, given) => goBack(id, { kind: "rollback", by, reason }, given),
    takeBack: (by, reason, given) =>
      openAlone(() => openTakeBack(ports, playbook, { kind: "rollback", by, reason, given }, remembered(), isClosed)),
    weight: (...asked) => setWeight(ports, playbook, ...asked),
    async contain(...asked) {
      if (!calm()) throw refuse("a rollout runs", "`rollbook rollback` contains it.");
      const missed = await byHand.to(...asked);
      if (missed) throw new RollbookError("NOT_RECORDED", { reason: missed.reason });
    },
    abort: (id, by, reason, given) => goBack(id, { kind: "abort", by, reason }, given),
    pause: (id, by, reason, given) => steerRun(id, { kind: "pause", by, reason }, by, given),
    proceed: async (id, by, given) =>
      isStuck(await find(id))
        ? takeUpStuck(id, (rollout) => takeUpRestore(ports, rollout, by, given))
        : steerRun(id, undefined, by, given),
    redeploy: (id, ...asked) => takeUpStuck(id, (rollout) => turnRestore(ports, rollout, ...asked)),
    promote: (id, by, reason, given) => steerRun(id, { kind: "promote", by, reason }, by, given),
    quarantine: async (id, ...asked) => quarantine(ports, await releaseOf(id), ...asked),
    look: (reason, key) => lookAt(ports, playbook.system, reason, key),
    wayBack: plans.current,
    drift: idle.drift.status,
    acknowledge: idle.drift.acknowledge,
    live: () => readComponents(ports, playbook, servingPlace(ports.traffic.current(playbook.system))),
    busy: () => begun > 0 || !calm(),
    unrecorded: () =>
      [...runs.values()].find(({ over, acting }) => !over && acting?.unrecorded)?.acting?.unrecorded ??
      (owed ? { what: CONTAINED_UNRECORDED, since: owed.since, reason: owed.reason } : byHand.unrecorded()),
    broken: takeUp.broken,
    memory() {
      const running = [...runs.values()].find(({ over }) => !over)?.acting;
      return { good: idle.lastKnown() ?? running?.stable, running: running?.rollout };
    },
    close() {
      closed = true;
      escalation.close();
      for (const { acting } of runs.values()) if (acting) Object.assign(acting, { stopped: true, closed: true });
    },
    async watch(signal) {
      const open = (found: Unannounced) => openRecorded(() => openUnannounced(ports, playbook, found));
      const paging = escalation.run((id) => runs.get(id), signal);
      await Promise.all([idle.run(calm, open, signal), takeUp.run(signal), plans.run(signal), paging]);
    },
    lift: (...asked) => liftQuarantine(ports, ...asked),
    explain: (id) => explainRollout(fresh, playbook, id, replays),
    report: (id) => composeReport({ ...ports, store: fresh }, playbook, id, facts),
    rollouts: () => ports.store.rollouts(playbook.system),
  };
}
