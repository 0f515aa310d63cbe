import type { Json } from "../core/digest.ts";
import type { Change } from "../core/ports.ts";
import type { Rollback, Rollout, Saga } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Verdict } from "../core/verdict.ts";
import { planRollback } from "../decide/plan-change.ts";
import { runSaga } from "../restore/saga-runner.ts";
import { proveFixed } from "./prove-fixed.ts";
import { emit, entryOf, FencedError, keep, type Run, routeTo, samplesChange, save } from "./run.ts";

export type Cause = "harm" | "undecided" | "person";

/**
 * Contain, then record, then restore, then prove.
 * I1  Containment happens in memory, before anything is written; it waits for nobody.
 * I2  Verdict, containment, quarantine and the saga become durable in one commit.
 */
export async function rollBack(
  run: Run,
  cause: Cause,
  because: readonly string[],
  verdict: Verdict,
  samples: readonly Sample[],
): Promise<void> {
  const { clock, traffic } = run.ports;
  const decidedAt = clock.now();
  const route = routeTo(run, 0);
  traffic.set(route);
  const containedAt = clock.now();
  run.ports.atCrashPoint("control.contained");

  const planned = planRollback(run.playbook, run.candidate, run.stable);
  if (planned.kind === "impossible") throw new Error(`no way back: ${planned.reasons.join("; ")}`);
  const saga: Saga = {
    id: run.ports.ids.next("saga"),
    rollout: run.rollout.id,
    plan: planned.plan,
    planDigest: planned.digest as Saga["planDigest"],
    status: "running",
    startedAt: decidedAt,
  };
  const rollback: Rollback = { saga: saga.id, cause: [cause, ...because], decidedAt, containedAt };
  const next: Rollout = { ...run.rollout, phase: "degraded", verdict, rollback };
  await save(run, next, [
    ...samplesChange(run, samples),
    { kind: "route", route },
    { kind: "saga", saga },
    ...quarantineChange(run, cause, because),
    entryOf(
      run,
      "verdict",
      verdictData(verdict, because),
      cause === "person" ? (run.cord?.by ?? "person") : "rollbook",
    ),
    entryOf(run, "contained", { to: run.stable.id, epoch: route.epoch, decidedAt, containedAt }),
    entryOf(run, "saga-started", { saga: saga.id, plan: saga.planDigest, steps: planned.plan.steps.map((s) => s.id) }),
  ]);
  run.ports.atCrashPoint("control.rollback-recorded");
  emit(run, cause === "harm" ? "harm" : "ended", `going back: ${because.join(", ")}`, { verdict });
  emit(run, "contained", `all traffic is on ${run.stable.label} again`);
  tellPeople(run, because);
  await continueRollback(run);
}

/** Everything after the decision; also the way in after a restart. */
export async function continueRollback(run: Run): Promise<void> {
  const rollback = run.rollout.rollback;
  if (!rollback) throw new Error("a rollback cannot go on that was never decided");
  const current = run.ports.traffic.current(run.playbook.system);
  if (!current || current.candidatePpm > 0) run.ports.traffic.set(routeTo(run, 0));
  const record = await run.ports.store.record(run.rollout.id);
  const saga = record?.sagas.find((candidate) => candidate.id === rollback.saga);
  if (!saga) throw new Error(`the saga ${rollback.saga} is not in the store`);
  if (saga.status === "running") await restore(run, saga);
  else if (saga.status === "stuck") return endStuck(run, saga.note ?? "a step is stuck");
  if (run.rollout.rollback?.outcome === undefined) await proveFixed(run);
}

async function restore(run: Run, saga: Saga): Promise<void> {
  const collecting = collectWhile(run);
  const onStep = (step: Parameters<Parameters<typeof runSaga>[0]["onStep"]>[0]) =>
    run.ports.emit({
      kind: "step",
      at: run.ports.clock.now(),
      rollout: run.rollout,
      text: `${step.step}: ${step.status}${step.recovered ? " (recovered after a crash)" : ""}`,
      step,
    });
  const end = await runSaga({ ...run.ports, onStep }, saga, run.lease).finally(collecting.stop);
  await collecting.done;
  if (end.kind === "fenced") throw new FencedError(run.lease.resource);
  if (end.kind === "stuck") return endStuck(run, `stuck at ${end.steps.join(", ")}`);
  const restoredAt = end.saga.endedAt ?? run.ports.clock.now();
  await save(run, { ...run.rollout, rollback: { ...run.rollout.rollback!, restoredAt } });
  run.ports.atCrashPoint("control.restored");
  emit(run, "restored", `${saga.plan.steps.length} components serve their restore point, read back by digest`);
}

/** Keeps taking samples while the saga runs, so that nothing piles up and the record has no hole. */
function collectWhile(run: Run): { readonly stop: () => void; readonly done: Promise<void> } {
  const stopped = new AbortController();
  const loop = async () => {
    while (!stopped.signal.aborted) {
      await run.ports.clock.sleep(run.settings.tickMs, stopped.signal);
      await keep(run, run.ports.signals.drain());
    }
  };
  return { stop: () => stopped.abort(), done: loop() };
}

async function endStuck(run: Run, note: string): Promise<void> {
  const now = run.ports.clock.now();
  const rollback: Rollback = { ...run.rollout.rollback!, outcome: "stuck", endedAt: now };
  const next: Rollout = { ...run.rollout, phase: "degraded", endedAt: now, rollback, note };
  await save(run, next, [entryOf(run, "rollback-ended", { outcome: "stuck", note })]);
  emit(run, "ended", `people are needed: ${note}`);
  tellPeople(run, [note]);
}

function quarantineChange(run: Run, cause: Cause, because: readonly string[]): readonly Change[] {
  if (cause === "undecided") return [];
  const { system } = run.playbook;
  const reason = because.join(", ");
  return [
    {
      kind: "quarantine",
      quarantine: { release: run.candidate.id, system, since: run.ports.clock.now(), reason },
    },
    entryOf(run, "quarantined", { release: run.candidate.id, reason }),
  ];
}

function verdictData(verdict: Verdict, because: readonly string[]): { readonly [key: string]: Json | undefined } {
  return {
    kind: verdict.kind,
    because: [...because],
    logEvidence: verdict.logEvidence,
    logThreshold: verdict.logThreshold,
    findings: verdict.findings.map(({ name, kind, method, candidate, reference, logHarm, logSafe }) => ({
      name,
      kind,
      method,
      candidate: { ...candidate },
      reference: { ...reference },
      logHarm,
      logSafe,
    })),
  };
}

/** People are told beside the work; a dead channel delays nothing. */
function tellPeople(run: Run, because: readonly string[]): void {
  const subject = `${run.playbook.system}: ${run.candidate.label} is rolled back`;
  run.ports.notifier.notify(run.playbook.who.now, subject, because.join("\n")).catch(() => undefined);
}
