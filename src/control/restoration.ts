import type { Plan } from "../core/plan.ts";
import type { Change } from "../core/ports.ts";
import type { Saga, StepRecord } from "../core/rollout.ts";
import { runSaga } from "../restore/saga-runner.ts";
import { FencedError } from "./fenced-error.ts";
import { drain, emit, entryOf, keep, type Run, save } from "./run.ts";

/** A saga for a plan, not yet recorded. */
export function sagaOf(run: Run, { plan, digest }: { readonly plan: Plan; readonly digest: string }): Saga {
  return {
    id: run.ports.ids.next("saga"),
    rollout: run.rollout.id,
    plan,
    planDigest: digest as Saga["planDigest"],
    status: "running",
    startedAt: run.ports.clock.now(),
  };
}

/** The entry that a saga starts with. */
export function startOf(run: Run, saga: Saga, why?: string): Change {
  const steps = saga.plan.steps.map(({ id }) => id);
  return entryOf(run, "saga-started", { saga: saga.id, plan: saga.planDigest, steps, why });
}

/** Runs the saga of a rollback to its end, from wherever it stands. */
export async function restore(
  run: Run,
  saga: Saga,
): Promise<{ readonly kind: "restored" } | { readonly kind: "stuck"; readonly note: string }> {
  if (run.rollout.rollback?.restoredAt !== undefined) return { kind: "restored" };
  const ended = saga.status === "running" ? await runCollecting(run, saga) : saga;
  if (ended.status === "stuck") return { kind: "stuck", note: ended.note ?? "a step is stuck" };
  const restoredAt = ended.endedAt ?? run.ports.clock.now();
  await save(run, { ...run.rollout, rollback: { ...run.rollout.rollback!, restoredAt } });
  run.ports.atCrashPoint("control.restored");
  emit(run, "restored", `${saga.plan.steps.length} components serve their restore point, read back by digest`);
  return { kind: "restored" };
}

async function runCollecting(run: Run, saga: Saga): Promise<Saga> {
  const { ports, rollout } = run;
  const underWay = await writesUnderWay(run, saga);
  const collecting = collectWhile(run);
  const onStep = (step: StepRecord) => {
    const text = `${step.step}: ${step.status}${step.recovered ? " (recovered after a crash)" : ""}`;
    ports.emit({ kind: "step", at: ports.clock.now(), rollout, text, step });
  };
  const end = await runSaga({ ...ports, onStep, underWay }, saga, run.lease).finally(() => {
    collecting.stop();
  });
  await collecting.done;
  if (end.kind === "fenced") throw new FencedError(run.lease.resource);
  return end.saga;
}

/** Where earlier sagas of the rollout have sent something that was never read back: it may land at any time. */
async function writesUnderWay({ ports, rollout }: Run, saga: Saga): Promise<ReadonlySet<string>> {
  const record = await ports.store.record(rollout.id);
  const open =
    record?.steps.filter((step) => step.saga !== saga.id && step.status !== "done" && step.attempts > 0) ?? [];
  const steps = record?.sagas.flatMap(({ id, plan }) => plan.steps.map((step) => ({ ...step, saga: id }))) ?? [];
  return new Set(
    steps.filter((step) => open.some((one) => one.saga === step.saga && one.step === step.id)).map(({ at }) => at),
  );
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
  return { stop: () => stopped.abort(), done };
}
