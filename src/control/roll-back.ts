import type { Json } from "../core/digest.ts";
import type { Change } from "../core/ports.ts";
import type { Rollback, Rollout, Saga } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Verdict } from "../core/verdict.ts";
import type { Containment } from "../decide/containment.ts";
import { lostBetween } from "../decide/way-back.ts";
import { containmentFor } from "./containment.ts";
import { FencedError } from "./fenced-error.ts";
import { heldChanges, isHeld, writeHeld } from "./held-evidence.ts";
import { harmfulTarget, leaveHarmful, moveOn, serveRestored } from "./move-on.ts";
import { deadlinesOf, watchPhases } from "./phase-watch.ts";
import { type Proof, proveFixed } from "./prove-fixed.ts";
import { goOnAfterwards, isRecorded, recordAfterwards } from "./record-afterwards.ts";
import { restore, startOf } from "./restoration.ts";
import { thaw } from "./rivals.ts";
import { emit, entryOf, type Run, routeTo, samplesChange, save } from "./run.ts";
import { sagaBack } from "./saga-back.ts";
import { PEOPLE_NEEDED, tellOwed, tellPeople } from "./tell-people.ts";

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
  const { to, route } = containmentFor(run);
  traffic.set(route);
  const contained = to === "nowhere" ? {} : { containedAt: clock.now() };
  run.plans.decided(run.rollout.id);
  run.ports.atCrashPoint("control.contained");

  const saga = await sagaBack(run);
  const deadlines = deadlinesOf(run.playbook, run.settings);
  const owed = { what: "is rolled back", lines: because };
  const rollback: Rollback = { saga: saga.id, cause: [cause, ...because], decidedAt, ...contained, deadlines, owed };
  const next: Rollout = { ...run.rollout, phase: "degraded", verdict, rollback };
  const by = cause === "person" ? (run.order?.by ?? "person") : "rollbook";
  const start = startOf(run, saga);
  const record = () =>
    save(run, next, [
      ...samplesChange(run, samples),
      { kind: "route", route },
      ...quarantineChange(run, cause, because),
      ...demotion(run),
      entryOf(run, "verdict", verdictData(verdict, because), by),
      entryOf(run, "contained", {
        to: to === "stable" ? run.stable.id : to,
        epoch: route.epoch,
        decidedAt,
        ...contained,
      }),
      ...start,
    ]);
  await recordAfterwards(run, record, () => isRecorded(run, next));
  run.ports.atCrashPoint("control.rollback-recorded");
  emit(run, cause === "harm" ? "harm" : "ended", `going back: ${because.join(", ")}`, { verdict });
  emit(run, "contained", containedText(run, to));
  const changes = heldChanges(run, "rollback", verdict);
  const held = recordAfterwards(
    run,
    () => writeHeld(run, changes),
    () => isHeld(run, changes),
  );
  await Promise.all([held, continueRollback(run)]);
}

function containedText({ stable, candidate }: Run, to: Containment): string {
  if (to === "stable") return `all traffic is on ${stable.label} again`;
  if (to === "nowhere") return `nothing else serves: ${candidate.label} answers until the place is restored`;
  return `${stable.label} cannot serve now: all traffic goes to \`${to}\` until it is restored`;
}

/** Everything after the decision; also the way in after a restart. */
export async function continueRollback(run: Run): Promise<void> {
  tellOwed(run);
  const punctual = watchPhases(run);
  try {
    let begun = false;
    const work = async () => {
      if (begun && (await hasEnded(run))) return;
      begun = true;
      await restoreAndProve(run);
    };
    await goOnAfterwards(run, work, (note) => endStuck(run, note));
  } finally {
    punctual();
  }
}

/** The answer to what ended it may have been lost: what is over is not restored, or proved, once more. */
async function hasEnded(run: Run): Promise<boolean> {
  if (run.stopped) throw new FencedError(run.lease.resource);
  const known = await run.ports.store.rollout(run.rollout.id);
  if (known?.endedAt === undefined || known.rollback?.saga !== run.rollout.rollback?.saga) return false;
  run.rollout = known;
  delete run.behind;
  emit(run, "ended", `${known.rollback?.outcome}, as the store has it`);
  return true;
}

async function restoreAndProve(run: Run): Promise<void> {
  const current = run.ports.traffic.current(run.playbook.system);
  if (!current || current.candidatePpm > 0) run.ports.traffic.set(routeTo(run, 0));
  for (;;) {
    const harmful = harmfulTarget(run.rollout);
    if (harmful) {
      const moved = await moveOn(run, harmful);
      if (moved === "moved") continue;
      return endStuck(run, moved.stuck, run.rollout.rollback?.halted !== undefined);
    }
    const saga = await sagaUnderWay(run);
    if (!saga) throw new Error(`the saga of the rollback of ${run.rollout.id} is not in the store`);
    const proof = await restoreOnce(run, saga);
    if (proof.kind === "ended") return;
    if (proof.kind === "harmful") {
      await leaveHarmful(run, proof.verdict);
      continue;
    }
    const note = `${proof.diverged.join(", ")} changed again after the restore`;
    const sagas = await run.ports.store.sagas(run.rollout.id);
    if (sagas.filter(({ plan }) => plan.kind === "rollback" && plan.to === run.stable.id).length >= RESTORES)
      return endStuck(run, note);
    tellPeople(run, "is being undone in its restore", [note, "It is restored once more."]);
    await restart(run, note);
  }
}

/** The saga of the rollback. One that this run has just recorded is known. */
async function sagaUnderWay({ ports, rollout, begun }: Run): Promise<Saga | undefined> {
  const id = rollout.rollback?.saga ?? "";
  return begun.get(id)?.saga ?? (await ports.store.sagas(rollout.id)).find((saga) => saga.id === id);
}

/** One saga, from wherever it stands to the proof; who would undo it is thawed by then. */
async function restoreOnce(run: Run, saga: Saga): Promise<Proof> {
  const end = await restore(run, saga);
  const lost = lostFor(run);
  if (end.kind === "stuck") await endStuck(run, end.note, end.held);
  else if (lost.length > 0) await endStuck(run, `${lost.join(", ")} cannot be brought back from here`);
  else {
    await serveRestored(run);
    return proveFixed(run, saga.plan);
  }
  return { kind: "ended" };
}

/** People mended what was stuck: contain again, and restore by a new saga, with new attempts and new keys. */
export async function retryRollback(run: Run): Promise<void> {
  const { stable = run.stable.id } = run.ports.traffic.current(run.playbook.system) ?? {};
  run.ports.traffic.set({ ...routeTo(run, 0), stable });
  await restart(run, `tried again after: ${run.rollout.note ?? "it was stuck"}`);
  await continueRollback(run);
}

async function restart(run: Run, why: string): Promise<void> {
  const saga = await sagaBack(run);
  const { decidedAt, containedAt, cause, target, tried, owed } = run.rollout.rollback!;
  const { endedAt: _, note: __, ...open } = run.rollout;
  const rollback: Rollback = {
    saga: saga.id,
    cause,
    decidedAt,
    deadlines: deadlinesOf(run.playbook, run.settings),
    restoringSince: run.ports.clock.now(),
    ...(containedAt === undefined ? {} : { containedAt }),
    ...(target === undefined ? {} : { target }),
    ...(tried === undefined ? {} : { tried }),
    ...(owed === undefined ? {} : { owed }),
  };
  const next: Rollout = { ...open, phase: "degraded", rollback };
  const start = startOf(run, saga, why);
  await recordAfterwards(
    run,
    () => save(run, next, start),
    () => isRecorded(run, next),
  );
  emit(run, "resumed", `restoring once more: ${why}`);
}

/** Changed components that nobody here can bring back, such as a hosted model. */
function lostFor({ playbook, candidate, stable }: Run): readonly string[] {
  return lostBetween(playbook, candidate, stable);
}

/**
 * People are told before rivals are thawed: another system's restore may hold those for minutes. It is open until they are,
 * so that whoever takes it up after a crash tells people, and thaws.
 */
async function endStuck(run: Run, why: string, held = false): Promise<void> {
  const note = await pageOnce(run, why);
  await thaw(run);
  // A halt that is being recorded at this moment is part of what ends.
  await run.saving.catch(() => undefined);
  const now = run.ports.clock.now();
  // Of what is stuck whoever starts tells people.
  const { owed: _, ...open } = run.rollout.rollback!;
  const rollback: Rollback = { ...open, outcome: "stuck", endedAt: now, ...(held ? { held } : {}) };
  const next: Rollout = { ...run.rollout, phase: "degraded", endedAt: now, rollback, note };
  await save(run, next, [entryOf(run, "rollback-ended", { outcome: "stuck", note })]);
  emit(run, "ended", `people are needed: ${note}`);
}

/** That people are needed is owed to them from here on. Answers what they are told: who takes it up knows less of why. */
async function pageOnce(run: Run, note: string): Promise<string> {
  const { owed: known } = run.rollout.rollback!;
  const told = known?.what === PEOPLE_NEEDED ? known.lines.find((line) => line.startsWith(note)) : undefined;
  if (told !== undefined) return told;
  const owed = { what: PEOPLE_NEEDED, lines: [note] };
  await save(run, () => ({ ...run.rollout, note, rollback: { ...run.rollout.rollback!, owed } }));
  tellOwed(run);
  return note;
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
