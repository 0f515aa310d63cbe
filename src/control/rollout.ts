import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import { refuse } from "../core/refusal.ts";
import type { Order, Rollout, Saga } from "../core/rollout.ts";
import { planRelease } from "../decide/plan-change.ts";
import type { FenceAt } from "../restore/resource-leases.ts";
import type { SagaEnd } from "../restore/saga-runner.ts";
import { freezeBaseline, NO_PAST, type Past } from "./baseline.ts";
import { containedBefore } from "./containment.ts";
import { createCountJournal, readJournal } from "./count-journal.ts";
import { expose } from "./exposure.ts";
import { FencedError } from "./fenced-error.ts";
import { judgeUnannounced } from "./judge-unannounced.ts";
import { harmfulTarget } from "./move-on.ts";
import { observe } from "./observe.ts";
import { cordOf, noteOf } from "./order.ts";
import { createPlanWatch, type PlanWatch } from "./plan-watch.ts";
import type { ControlPorts, Settings } from "./ports.ts";
import { aloneWith, effectPorts, sagaOf, startOf } from "./restoration.ts";
import { rivalsOf } from "./rivals.ts";
import { continueRollback, retryRollback, rollBack } from "./roll-back.ts";
import { emit, entryOf, holdLease, type Run, routeTo, save } from "./run.ts";
import { runCounted } from "./run-saga.ts";
import { isSealed, seal } from "./seal.ts";
import { tellOwedAtEnd } from "./tell-people.ts";

/**
 * Runs a rollout from wherever it stands to its end: baseline, deployment, exposure, and, if need be, the way back.
 * Calling it again after a crash is how it recovers; everything it needs is in the store.
 */
export async function runRollout(
  ports: ControlPorts,
  settings: Settings,
  playbook: Playbook,
  id: string,
  onRun: (run: Run) => void = () => undefined,
  past: Past = NO_PAST,
  plans: PlanWatch = createPlanWatch(ports, settings, playbook),
): Promise<Rollout> {
  const { lease, keep } = await holdLease(ports, settings, playbook.system);
  const run = await load(ports, settings, playbook, id, lease, past, plans);
  onRun(run);
  const letGo = keep(run);
  try {
    const open = run.rollout.endedAt === undefined || isStuck(run.rollout);
    await goOn(run);
    if (open || !(await isSealed(ports.store, id))) await seal(run);
    await ports.checkpoint().catch((error: Error) => emit(run, "ended", `the ledger is not signed: ${error.message}`));
    return run.rollout;
  } finally {
    letGo();
  }
}

async function goOn(run: Run): Promise<void> {
  if (isStuck(run.rollout)) return retryRollback(run);
  if (run.rollout.endedAt !== undefined) return;
  if (run.rollout.rollback) {
    emit(run, "resumed", "found a rollback that was cut off; finishing it");
    return continueRollback(run);
  }
  if (run.rollout.unannounced) return judgeUnannounced(run);
  if (run.playbook.authority === "observe") return observe(run);
  if (run.rollout.step < 0) {
    await endOldShare(run);
    const begun = (await run.ports.store.sagas(run.rollout.id)).length > 0;
    const reason = containedBefore(run);
    if (reason !== undefined && !begun) return endUntouched(run, { kind: "abort", by: "rollbook", reason });
    if (run.rollout.frozen.length === 0) {
      const frozen = await freezeBaseline(run);
      if (!cordOf(run)) await save(run, { ...run.rollout, frozen });
    }
    const cord = cordOf(run);
    if (cord && !begun) return endUntouched(run, cord);
    if (!(await deploy(run))) return;
  } else if (!cordOf(run)) emit(run, "resumed", "found a rollout that was cut off; going on with its evidence");
  await expose(run);
}

/** A share that people gave while the playbook only observed would expose the place that is deployed to now. */
async function endOldShare(run: Run): Promise<void> {
  const { traffic } = run.ports;
  if ((traffic.current(run.playbook.system)?.candidatePpm ?? 0) === 0) return;
  const route = routeTo(run, 0);
  traffic.set(route);
  await save(run, run.rollout, [{ kind: "route", route }]);
}

/** A rollout that people must mend before it can go back to its restore point. */
export function isStuck(rollout: Rollout): boolean {
  // What was proved harmful after its restore is not restored again by itself: traffic would go back to it.
  return rollout.rollback?.outcome === "stuck" && !harmfulTarget(rollout);
}

/** The cord was pulled before anything was changed: there is nothing to restore, and nothing was exposed. */
async function endUntouched(run: Run, cord: Order): Promise<void> {
  const note = noteOf(cord);
  const next: Rollout = { ...run.rollout, phase: "aborted", endedAt: run.ports.clock.now(), note };
  await save(run, next, [entryOf(run, "rollout-ended", { outcome: "aborted", reason: note }, cord.by)]);
  emit(run, "ended", `stopped before anything was changed: ${note}`);
}

/** Brings the candidate's components into place, before any traffic can reach them. */
async function deploy(run: Run): Promise<boolean> {
  const { ports, playbook, rollout } = run;
  const [begun] = await ports.store.sagas(rollout.id);
  const saga = begun ?? (await startDeployment(run));
  if (saga.status === "completed") return true;
  if (saga.status === "compensated" && !cordOf(run)) return endTakenBack(run, saga);
  emit(run, "deploying", `bringing ${saga.plan.steps.map((step) => step.label).join(", ")} into place`);
  const resources = saga.plan.steps.map(({ at }) => at);
  const end = await aloneWith(run, resources, (fenceAt) => deployThrough(run, saga, fenceAt), saga);
  if (end.kind === "fenced") throw new FencedError(run.lease.resource);
  if (end.kind === "completed") return true;
  if (end.kind === "compensated" && !cordOf(run)) return endTakenBack(run, end.saga);
  const now = ports.clock.now();
  const reason = await whyNotDeployed(run, end.saga);
  const verdict = { kind: "no-data", at: now, because: [], logEvidence: 0, logThreshold: 0, findings: [] } as const;
  emit(run, "ended", `${playbook.system}: ${reason}`);
  const cause = cordOf(run) ? "person" : "undecided";
  await rollBack(run, cause, [reason], verdict, []);
  return false;
}

/** A deployment that the store cuts off goes on when it is back: nothing is exposed meanwhile. */
async function deployThrough(run: Run, first: Saga, fenceAt: FenceAt): Promise<SagaEnd> {
  for (let saga = first, said = false; ; said = true) {
    try {
      return await runCounted(run, saga, effectPorts(run, fenceAt));
    } catch (error) {
      if (error instanceof FencedError || run.stopped || run.closed || !run.cutOff.has(saga.id)) throw error;
      if (!said) emit(run, "late", `the deployment waits for the store: ${(error as Error).message}`);
      await run.ports.clock.sleep(run.settings.leaseMs);
      const sagas = await run.ports.store.sagas(run.rollout.id).catch(() => [saga]);
      saga = sagas.find(({ id }) => id === first.id) ?? saga;
    }
  }
}

/** Nothing was exposed, and what had been deployed is as it was: there is nothing to restore or to prove. */
async function endTakenBack(run: Run, saga: Saga): Promise<false> {
  const outcome = await whyNotDeployed(run, saga);
  const owed = { what: "could not be deployed", lines: [outcome] };
  const next: Rollout = { ...run.rollout, phase: "aborted", endedAt: run.ports.clock.now(), note: outcome, owed };
  await save(run, next, [entryOf(run, "rollout-ended", { outcome: "aborted", reason: outcome })]);
  emit(run, "ended", outcome);
  tellOwedAtEnd(run);
  return false;
}

/** Also what its targets said, to whichever process that was. */
async function whyNotDeployed({ ports }: Run, { id, note }: Saga): Promise<string> {
  const steps = await ports.store.steps(id);
  const said = steps.flatMap((step) => (step.status === "stuck" && step.note !== undefined ? [step.note] : []));
  return `the release could not be deployed: ${[note, ...new Set(said)].join("; ")}`;
}

async function startDeployment(run: Run): Promise<Saga> {
  const planned = planRelease(run.playbook, run.stable, run.candidate, run.place, run.plans.past());
  if (planned.kind === "impossible") {
    throw refuse(planned.reasons.join("; "), "Release it anew, under the playbook as it is now.");
  }
  const saga = sagaOf(run, planned);
  await save(run, run.rollout, startOf(run, saga));
  return saga;
}

async function load(
  ports: ControlPorts,
  settings: Settings,
  playbook: Playbook,
  id: string,
  lease: Run["lease"],
  past: Past,
  plans: PlanWatch,
): Promise<Run> {
  const rollout = await ports.store.rollout(id);
  if (!rollout) throw new RollbookError("NOT_FOUND", { what: `rollout ${id}` });
  const stable = await ports.store.release(rollout.rollback?.target ?? rollout.stable);
  const candidate = await ports.store.release(rollout.candidate);
  if (!stable || !candidate) throw new RollbookError("NOT_FOUND", { what: `release of rollout ${id}` });
  const epoch = (await ports.store.route(playbook.system))?.epoch ?? 0;
  const start = await readJournal(ports.store, id);
  const place = rollout.place ?? "at";
  const run: Run = {
    ports,
    settings,
    playbook,
    stable,
    candidate,
    rollout,
    lease,
    past,
    plans,
    epoch,
    counts: createCountJournal(id, start, (data) => entryOf(run, "counts", data)),
    keptAt: Number.NEGATIVE_INFINITY,
    place,
    rivals: rivalsOf(ports, playbook, place),
    order: rollout.order,
    begun: new Map(),
    cutOff: new Set(),
    stopped: false,
    closed: false,
    unsaved: [],
    saving: Promise.resolve(),
  };
  return run;
}
