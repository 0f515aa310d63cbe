import type { Rollback, RollbackOutcome, Rollout } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Verdict } from "../core/verdict.ts";
import { createFixedEvaluator } from "../watch/fixed-evaluator.ts";
import { BETA } from "./exposure.ts";
import { fixedRules } from "./rules.ts";
import { drain, emit, entryOf, FencedError, type Run, samplesChange, save } from "./run.ts";

/**
 * Judges the recovery criteria on what is served after the restore, until all are proved and have been watched for
 * the stated time, or the time for the proof is over.
 */
export async function proveFixed(run: Run): Promise<void> {
  const { clock } = run.ports;
  const restoredAt = run.rollout.rollback?.restoredAt ?? clock.now();
  const since = Math.ceil(restoredAt / 1000) * 1000;
  const evaluator = createFixedEvaluator({
    rules: fixedRules(run.playbook),
    beta: BETA,
    release: run.stable.id,
    from: since,
    frozen: run.rollout.frozen,
    blindMs: run.settings.blindMs,
  });
  evaluator.observe(await run.ports.store.samples(run.rollout.id));
  emit(run, "proving", "restored; now proving that it is fixed");
  let began = clock.now();
  let lastSaid = 0;
  if (began < since) began = since;
  for (;;) {
    await clock.sleep(run.settings.tickMs);
    if (run.stopped) throw new FencedError(run.lease.resource);
    const samples = drain(run);
    evaluator.observe(samples);
    const now = clock.now();
    const verdict = evaluator.judge(now);
    const watched = now - began >= run.playbook.fixed.for;
    if (watched && verdict.kind === "healthy") return end(run, "verified", verdict, samples);
    if (now - began > run.settings.proofMs) return end(run, "unverified", verdict, samples);
    await keepWith(run, samples);
    if (now - lastSaid >= 500) {
      lastSaid = now;
      emit(run, "proving", `proving that it is fixed: ${verdict.kind}`, { verdict });
    }
  }
}

async function keepWith(run: Run, samples: readonly Sample[]): Promise<void> {
  if (samples.length > 0) await save(run, run.rollout, samplesChange(run, samples));
}

async function end(run: Run, outcome: RollbackOutcome, fixed: Verdict, samples: readonly Sample[]): Promise<void> {
  const now = run.ports.clock.now();
  const { system } = run.playbook;
  const rollback: Rollback = {
    ...run.rollout.rollback!,
    endedAt: now,
    outcome,
    fixed,
    ...(outcome === "verified" ? { fixedAt: now } : {}),
  };
  const next: Rollout = { ...run.rollout, phase: "aborted", endedAt: now, rollback };
  const good = { kind: "known-good", knownGood: { system, release: run.stable.id, provedAt: now } } as const;
  await save(run, next, [
    ...samplesChange(run, samples),
    ...(outcome === "verified" ? [good] : []),
    entryOf(run, "rollback-ended", { outcome, saga: rollback.saga, fixed: fixed.kind }),
  ]);
  emit(run, "ended", outcome === "verified" ? "fixed: proved" : "restored, but not proved to be fixed", {
    verdict: fixed,
  });
}
