import type { Json } from "../core/digest.ts";
import type { Change } from "../core/ports.ts";
import type { Release } from "../core/release.ts";
import type { Rollback, Rollout, Saga } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Verdict } from "../core/verdict.ts";
import { servingPlace } from "../decide/place.ts";
import { planRollback } from "../decide/plan-change.ts";
import { withRivals } from "../decide/plan-rivals.ts";
import { holdEvidence } from "./held-evidence.ts";
import { type Proof, proveFixed } from "./prove-fixed.ts";
import { aloneWith, restore, sagaOf, startOf } from "./restoration.ts";
import { knownRivals, thaw } from "./rivals.ts";
import { emit, entryOf, type Run, routeTo, samplesChange, save } from "./run.ts";
import { escalate, tellPeople } from "./tell-people.ts";

export type Cause = "harm" | "undecided" | "person";

/** So often is a restore done again by itself when something else undoes it; then people must decide. */
const RESTORES = 3;

/**
 * Contain, then record, then restore, then prove.
 * I1  Containment happens in memory, before anything is written; it waits for nobody.
 * I2  Verdict, containment, quarantine, the saga and its first intents become durable in one commit.
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
  // What came into the only place there is answers until that is restored: traffic has nowhere to go.
  const inPlace = servingPlace(route) === run.place;
  const contained = inPlace ? {} : { containedAt: clock.now() };
  run.ports.atCrashPoint("control.contained");

  const saga = await sagaBack(run);
  const rollback: Rollback = { saga: saga.id, cause: [cause, ...because], decidedAt, ...contained };
  const next: Rollout = { ...run.rollout, phase: "degraded", verdict, rollback };
  await save(run, next, [
    ...samplesChange(run, samples),
    { kind: "route", route },
    ...quarantineChange(run, cause, because),
    ...demotion(run),
    entryOf(
      run,
      "verdict",
      verdictData(verdict, because),
      cause === "person" ? (run.order?.by ?? "person") : "rollbook",
    ),
    entryOf(run, "contained", { to: run.stable.id, epoch: route.epoch, decidedAt, ...contained }),
    ...startOf(run, saga),
  ]);
  run.ports.atCrashPoint("control.rollback-recorded");
  emit(run, cause === "harm" ? "harm" : "ended", `going back: ${because.join(", ")}`, { verdict });
  emit(
    run,
    "contained",
    inPlace
      ? `nothing else serves: ${run.candidate.label} answers until the place is restored`
      : `all traffic is on ${run.stable.label} again`,
  );
  tellPeople(run, "is rolled back", because);
  await Promise.all([holdEvidence(run, "rollback", verdict), continueRollback(run)]);
}

/** Everything after the decision; also the way in after a restart. */
export async function continueRollback(run: Run): Promise<void> {
  const calm = escalate(run);
  try {
    await restoreAndProve(run);
  } finally {
    // Stuck is not over: people are needed more than ever.
    if (run.rollout.rollback?.outcome !== "stuck") calm();
  }
}

async function restoreAndProve(run: Run): Promise<void> {
  const current = run.ports.traffic.current(run.playbook.system);
  if (!current || current.candidatePpm > 0) run.ports.traffic.set(routeTo(run, 0));
  for (;;) {
    const sagas = (await run.ports.store.record(run.rollout.id))?.sagas ?? [];
    const saga = sagas.find((candidate) => candidate.id === run.rollout.rollback?.saga);
    if (!saga) throw new Error(`the saga of the rollback of ${run.rollout.id} is not in the store`);
    const proof = await aloneWith(run, saga, () => restoreOnce(run, saga));
    if (proof.kind === "ended") return;
    const note = `${proof.diverged.join(", ")} changed again after the restore`;
    if (sagas.filter(({ plan }) => plan.kind === "rollback").length >= RESTORES) return endStuck(run, note);
    await restart(run, note);
  }
}

/** One saga, from wherever it stands to the proof; who would undo it is thawed by then. */
async function restoreOnce(run: Run, saga: Saga): Promise<Proof> {
  const end = await restore(run, saga);
  const lost = lostFor(run);
  if (end.kind === "stuck") await endStuck(run, end.note, end.held);
  else if (lost.length > 0) await endStuck(run, `${lost.join(", ")} cannot be brought back from here`);
  else return proveFixed(run, saga.plan);
  return { kind: "ended" };
}

/** People mended what was stuck: contain again, and restore by a new saga, with new attempts and new keys. */
export async function retryRollback(run: Run): Promise<void> {
  run.ports.traffic.set(routeTo(run, 0));
  await restart(run, `tried again after: ${run.rollout.note ?? "it was stuck"}`);
  await continueRollback(run);
}

async function restart(run: Run, why: string): Promise<void> {
  const saga = await sagaBack(run);
  const { decidedAt, containedAt, cause } = run.rollout.rollback!;
  const { endedAt: _, note: __, ...open } = run.rollout;
  const rollback: Rollback = { saga: saga.id, cause, decidedAt, ...(containedAt === undefined ? {} : { containedAt }) };
  await save(run, { ...open, phase: "degraded", rollback }, startOf(run, saga, why));
  emit(run, "resumed", `restoring once more: ${why}`);
}

/** Changed components that nobody here can bring back, such as a hosted model. */
function lostFor({ playbook, candidate, stable }: Run): readonly string[] {
  return playbook.components
    .filter(
      ({ name, undo }) =>
        undo === "irreversible" && candidate.revisions[name]?.digest !== stable.revisions[name]?.digest,
    )
    .map(({ name }) => name);
}

/** The way back of everything that has one. */
async function sagaBack(run: Run): Promise<Saga> {
  const lost = lostFor(run);
  const components = run.playbook.components.filter(({ name }) => !lost.includes(name));
  const without = (release: Release): Release => ({
    ...release,
    revisions: Object.fromEntries(Object.entries(release.revisions).filter(([name]) => !lost.includes(name))),
  });
  const back = planRollback({ ...run.playbook, components }, without(run.candidate), without(run.stable), run.place);
  const planned = withRivals(back, await knownRivals(run));
  if (planned.kind === "impossible") throw new Error(`no way back: ${planned.reasons.join("; ")}`);
  return sagaOf(run, planned);
}

async function endStuck(run: Run, note: string, held = false): Promise<void> {
  await thaw(run);
  const now = run.ports.clock.now();
  const rollback: Rollback = {
    ...run.rollout.rollback!,
    outcome: "stuck",
    endedAt: now,
    ...(held ? { held } : {}),
  };
  const next: Rollout = { ...run.rollout, phase: "degraded", endedAt: now, rollback, note };
  await save(run, next, [entryOf(run, "rollback-ended", { outcome: "stuck", note })]);
  emit(run, "ended", `people are needed: ${note}`);
  tellPeople(run, "is contained, but people are needed", [note]);
}

function quarantineChange(run: Run, cause: Cause, because: readonly string[]): readonly Change[] {
  if (cause === "undecided" || run.order?.kind === "abort") return [];
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

/** A promoted release is the last known good; one that goes back after all is not, whatever the proof of `fixed` says. */
function demotion(run: Run): readonly Change[] {
  if (run.rollout.promotedAt === undefined) return [];
  const { id: release, system } = run.stable;
  return [{ kind: "known-good", knownGood: { system, release, provedAt: run.ports.clock.now() } }];
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
