import { OVER } from "../core/deadline.ts";
import { componentSteps, type Plan } from "../core/plan.ts";
import type { Change } from "../core/ports.ts";
import type { Saga, StepRecord } from "../core/rollout.ts";
import { formatDuration, type Milliseconds } from "../core/time.ts";
import { type FenceAt, holdingResources } from "../restore/resource-leases.ts";
import { MOST_STARTS, startSaga } from "../restore/saga-runner.ts";
import type { SagaPorts } from "../restore/step-run.ts";
import { FencedError } from "./fenced-error.ts";
import { noteOf } from "./order.ts";
import { drain, emit, entryOf, keep, type Run, save } from "./run.ts";
import { runCounted } from "./run-saga.ts";
import { sharingRivals } from "./shared-rivals.ts";
import { tellPeople } from "./tell-people.ts";

/** People are told of a wait for others that is longer. */
const LONG_WAIT_MS = 10_000;

/** A saga for a plan, not yet recorded. */
export function sagaOf(run: Run, { plan, digest }: { readonly plan: Plan; readonly digest: string }): Saga {
  return {
    id: run.ports.ids.next("saga"),
    rollout: run.rollout.id,
    plan,
    planDigest: digest as Saga["planDigest"],
    status: "running",
    startedAt: run.ports.clock.now(),
    starts: 1,
  };
}

/** What a saga starts with: its entry, itself, and the intents of the steps that wait for no other. */
export function startOf(run: Run, saga: Saga, why?: string): readonly Change[] {
  const steps = saga.plan.steps.map(({ id }) => id);
  const changes = startSaga(run.ports, saga, run.lease);
  // Read beside the commit. Who finds that it could not be read asks again.
  const past = pastOf(run, saga).catch(() => undefined);
  run.begun.set(saga.id, { saga, changes, past });
  return [entryOf(run, "saga-started", { saga: saga.id, plan: saga.planDigest, steps, why }), ...changes];
}

/** `held`: it goes on only when a person says so, because one halted or turned it, or it ends its controllers. */
export type Restored =
  | { readonly kind: "restored" }
  | { readonly kind: "stuck"; readonly note: string; readonly held: boolean };

/** Runs the saga of a rollback to its end, from wherever it stands. */
export async function restore(run: Run, saga: Saga): Promise<Restored> {
  if (run.rollout.rollback?.restoredAt !== undefined) return { kind: "restored" };
  const why = new Set<string>();
  const resources = saga.plan.steps.map(({ at }) => at);
  const work = (fenceAt: FenceAt) => runCollecting(run, saga, why, fenceAt);
  const ended = saga.status === "running" ? await aloneWith(run, resources, work, saga) : saga;
  if (ended.status !== "completed") {
    const held = run.rollout.rollback?.halted !== undefined || ended.direction !== undefined;
    const poisoned = (ended.starts ?? 1) > MOST_STARTS;
    return { kind: "stuck", note: [ended.note ?? "a step is stuck", ...why].join("; "), held: held || poisoned };
  }
  if (ended.note !== undefined) tellPeople(run, "is restored, and may be undone", [ended.note]);
  const restoredAt = ended.endedAt ?? run.ports.clock.now();
  await save(run, { ...run.rollout, rollback: { ...run.rollout.rollback!, restoredAt } });
  run.ports.atCrashPoint("control.restored");
  emit(
    run,
    "restored",
    `${componentSteps(saga.plan).length} components serve their restore point, read back by digest`,
  );
  return { kind: "restored" };
}

/** @param why gets the notes of the steps that are stuck */
async function runCollecting(run: Run, saga: Saga, why: Set<string>, fenceAt: FenceAt): Promise<Saga> {
  const { ports, rollout } = run;
  const past = (await run.begun.get(saga.id)?.past) ?? (await pastOf(run, saga));
  const collecting = collectWhile(run);
  const onStep = (step: StepRecord) => {
    if (step.status === "stuck" && step.note !== undefined) why.add(step.note);
    const text = `${step.step}: ${step.status}${step.recovered ? " (recovered after a crash)" : ""}`;
    ports.emit({ kind: "step", at: ports.clock.now(), rollout, text, step });
  };
  const end = await runCounted(run, saga, {
    ...effectPorts(run, fenceAt),
    ...past,
    onStep,
    halted: () => haltOf(run),
  }).finally(() => {
    collecting.stop();
  });
  await collecting.done;
  if (end.kind === "fenced") throw new FencedError(run.lease.resource);
  return end.saga;
}

/** Who halted the restore, if somebody did. */
export function haltOf({ rollout }: Run): string | undefined {
  const order = rollout.rollback?.halted;
  return order && `halted by ${noteOf(order)}`;
}

/** What the earlier sagas of the rollout tell of the targets. */
async function pastOf({ ports, rollout, candidate }: Run, saga: Saga): Promise<Pick<SagaPorts, "underWay" | "served">> {
  const sagas = (await ports.store.sagas(rollout.id)).filter(({ id }) => id !== saga.id);
  const told = sagas.map(async ({ id, plan }) => {
    const records = await ports.store.steps(id);
    return plan.steps.flatMap(({ id: step, at }) =>
      records.filter((record) => record.step === step).map((record) => ({ ...record, at })),
    );
  });
  const earlier = (await Promise.all(told)).flat();
  const exposed = rollout.exposedAt !== undefined;
  const candidates = new Set(Object.values(candidate.revisions).map(({ digest }) => digest));
  return {
    // Something was sent that was never read back: it may land at any time.
    underWay: new Set(earlier.filter(({ status, attempts }) => status !== "done" && attempts > 0).map(({ at }) => at)),
    served: (at, digest) =>
      (exposed && candidates.has(digest)) ||
      earlier.some((step) => step.at === at && step.status === "done" && step.found === digest),
  };
}

/**
 * Does work while no other playbook changes the same targets or rivals, and as long only: a proof holds up nobody. Traffic
 * is contained by then; only the restore waits: until it is halted, or the time of its plan is over.
 * @param begun the saga that may have them since it was recorded
 * @throws FencedError when we may not act any more.
 */
export async function aloneWith<Result extends object>(
  run: Run,
  resources: readonly string[],
  work: (fenceAt: FenceAt) => Promise<Result>,
  begun?: Saga,
): Promise<Result> {
  const claim = {
    resources,
    holder: run.rollout.id,
    leaseMs: run.settings.leaseMs,
    guard: { resource: run.lease.resource, fence: run.lease.fence },
    held: run.begun.get(begun?.id ?? "")?.held,
    onWait: sayingSoOf(run),
    ...(begun && { enough: (waited: Milliseconds) => haltOf(run) !== undefined || isOver(run, begun, waited) }),
    stopped: () => run.stopped,
  };
  const result = await holdingResources(run.ports, claim, work);
  if (!result) throw new FencedError(run.lease.resource);
  return result;
}

/** Whoever started the saga may have had another clock than ours. */
function isOver({ ports }: Run, { startedAt, plan }: Saga, waited: Milliseconds): boolean {
  return waited >= plan.deadline || ports.clock.now() >= startedAt + plan.deadline;
}

/** Says that it waits, each time that a wait begins, and pages people once when one is long. */
function sayingSoOf(run: Run): (waited: Milliseconds) => void {
  const what = "another playbook changes one of its components";
  let [last, paged] = [Number.POSITIVE_INFINITY, false];
  return (waited) => {
    if (waited < last) emit(run, "waiting", `${what}; going on after that`);
    last = waited;
    if (paged || waited < LONG_WAIT_MS) return;
    paged = true;
    tellPeople(run, "waits for another playbook", [
      `${what}, for ${formatDuration(waited)} now; it goes on after that.`,
    ]);
  };
}

/** What the steps of a run's sagas need beside its ports, while it has the leases of their targets. */
export function effectPorts(run: Run, fenceAt: FenceAt): Pick<SagaPorts, "fenceAt" | "frozenBy" | "mayAct"> {
  const { seat } = run.ports;
  const { fence } = run.lease;
  return {
    fenceAt,
    ...sharingRivals(run),
    ...(seat && { mayAct: () => seat.lease()?.fence === fence }),
  };
}

/** Keeps taking samples while the saga runs, so that nothing piles up and the record has no hole. */
function collectWhile(run: Run): { readonly stop: () => void; readonly done: Promise<void> } {
  const stopped = new AbortController();
  const loop = async () => {
    while (!stopped.signal.aborted) {
      await run.ports.clock.sleep(run.settings.tickMs, stopped.signal);
      await keep(run, drain(run));
    }
  };
  const done = loop();
  // A failure is told by who awaits `done`, and that is only after the saga.
  done.catch(() => undefined);
  return { stop: () => stopped.abort(OVER), done };
}
