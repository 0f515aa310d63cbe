import { OVER } from "../core/deadline.ts";
import { componentSteps, type Plan } from "../core/plan.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Rollback, RollbackOutcome, Rollout } from "../core/rollout.ts";
import { samplesIn } from "../core/sample-pack.ts";
import type { Verdict } from "../core/verdict.ts";
import type { Evaluator } from "../watch/evaluator.ts";
import { createFixedEvaluator } from "../watch/fixed-evaluator.ts";
import { isDue, Unwatched } from "./cadence.ts";
import { packsOf } from "./count-journal.ts";
import { FencedError } from "./fenced-error.ts";
import { BETA } from "./judgement.ts";
import { thaw } from "./rivals.ts";
import { fixedRules } from "./rules.ts";
import { drain, emit, entryOf, keep, type Run, save } from "./run.ts";

/** `diverged`: these components serve something else again, although they were restored. */
export type Proof =
  | { readonly kind: "ended" }
  | { readonly kind: "diverged"; readonly diverged: readonly string[] }
  /** What was restored is proved to break a criterion. */
  | { readonly kind: "harmful"; readonly verdict: Verdict };

/** A proof may take so many times its stated time. */
const PROOFS = 2;

/** The last reading of all components may take this long. */
const READ_MS = 5000;
const SECOND_MS = 1000;

/**
 * Judges the recovery criteria on what is served after the restore, until all are proved and have been watched for
 * the stated time, or the time for the proof is over. Meanwhile and at the end every component is read: who undoes a
 * restore is found out here, and it is never called fixed.
 */
export async function proveFixed(run: Run, plan: Plan): Promise<Proof> {
  const watch = watchRestored(run, plan);
  try {
    return await prove(run, plan, watch.diverged);
  } finally {
    watch.stop();
  }
}

/** @param undone which components are known to serve something else again */
async function prove(run: Run, plan: Plan, undone: () => readonly string[]): Promise<Proof> {
  const { clock } = run.ports;
  let { evaluator, since } = await startProof(run, run.rollout.rollback?.restoredAt ?? clock.now());
  emit(run, "proving", "restored; now proving that it is fixed");
  let began = Math.max(clock.now(), since);
  const unwatched = new Unwatched();
  let lastSaid = 0;
  for (;;) {
    await clock.sleep(run.settings.tickMs);
    if (run.stopped) throw new FencedError(run.lease.resource);
    if (undone().length > 0) return { kind: "diverged", diverged: undone() };
    if (clock.now() < began - SECOND_MS) {
      // The clock was set back: what was counted before lies in its future.
      ({ evaluator, since } = await startProof(run, clock.now()));
      began = since;
    }
    const samples = drain(run);
    evaluator.observe(samples);
    const now = clock.now();
    const verdict = evaluator.judge(now);
    await keep(run, samples);
    unwatched.look(now);
    const watched = now - unwatched.after(began);
    const proved = watched >= run.playbook.fixed.for && verdict.kind === "healthy";
    // Only harm moves on; without proof either way it stays, people are told, and it is watched as long again.
    if (isSick(run.playbook, verdict)) {
      const others = await unlike(run, plan);
      if (others.diverged.length === 0) return { kind: "harmful", verdict };
      return { kind: "diverged", diverged: others.diverged };
    }
    const late = watched > PROOFS * run.settings.proofMs;
    if (proved || late) {
      const others = await unlike(run, plan);
      if (others.diverged.length > 0) return { kind: "diverged", diverged: others.diverged };
      if (proved && others.unread === 0) return end(run, plan, "verified", verdict);
      if (late) return end(run, plan, "unverified", verdict);
    }
    if (isDue(now, lastSaid, 500)) {
      lastSaid = now;
      emit(run, "proving", `proving that it is fixed: ${verdict.kind}`, { verdict });
    }
  }
}

/**
 * Does the verdict speak against what was restored? A limit that it broke in its own window before the release says nothing
 * of its state now: the criterion was out of reach, and the rollback stays unverified.
 */
export function isSick({ fixed }: Pick<Playbook, "fixed">, verdict: Verdict): boolean {
  if (verdict.kind !== "harmful") return false;
  return verdict.because.some((name) => {
    const finding = verdict.findings.find((one) => one.name === name);
    const criterion = fixed.criteria.find(({ signal }) => signal === finding?.signal);
    if (!finding || !criterion || criterion.kind === "within" || finding.reference.n === 0) return true;
    const { n, k, mean = k / n } = finding.reference;
    return criterion.kind === "below" ? mean < criterion.limit : mean > criterion.limit;
  });
}

/** The evaluator of what is served since the restore, with what is known of it already. */
async function startProof(
  run: Run,
  restoredAt: number,
): Promise<{ readonly evaluator: Evaluator; readonly since: number }> {
  // Whoever restored it may have had a clock that was ahead of ours.
  const since = Math.ceil(Math.min(restoredAt, run.ports.clock.now()) / SECOND_MS) * SECOND_MS;
  const evaluator = createFixedEvaluator({
    rules: fixedRules(run.playbook),
    beta: BETA,
    release: run.stable.id,
    from: since,
    frozen: run.rollout.frozen,
    blindMs: run.settings.blindMs,
  });
  // The packs of before are no evidence: after hours at high traffic they are most of it.
  for await (const pack of packsOf(run.ports.store, run.rollout.id))
    evaluator.observe(samplesIn(pack).filter(({ bucket }) => bucket >= since));
  evaluator.observe(await run.ports.store.unpacked(run.rollout.id));
  return { evaluator, since };
}

/** Reads every component beside the proof, once a poll. What cannot be read now is read again. */
function watchRestored(
  run: Run,
  plan: Plan,
): { readonly diverged: () => readonly string[]; readonly stop: () => void } {
  const stopped = new AbortController();
  let diverged: readonly string[] = [];
  const loop = async () => {
    while (!stopped.signal.aborted) {
      await run.ports.clock.sleep(run.settings.pollMs, stopped.signal);
      if (!stopped.signal.aborted) ({ diverged } = await unlike(run, plan).catch(() => ({ diverged })));
    }
  };
  void loop();
  return { diverged: () => diverged, stop: () => stopped.abort(OVER) };
}

/** Which components serve something else than the plan's digests now, and how many did not answer in time. */
async function unlike(
  run: Run,
  plan: Plan,
): Promise<{ readonly diverged: readonly string[]; readonly unread: number }> {
  const { clock, adapterFor } = run.ports;
  const over = new AbortController();
  const done = new AbortController();
  const late = clock.sleep(READ_MS, done.signal).then(() => over.abort(OVER));
  const reads = componentSteps(plan).map(async (step) => {
    const read = async () => adapterFor(step.at).read(step.at, over.signal);
    // An adapter that throws, or is gone, has not answered.
    const live = await Promise.race([read().catch(() => undefined), late]);
    return { step, live };
  });
  const found = await Promise.all(reads).finally(() => done.abort(OVER));
  const diverged = found.filter(({ step, live }) => live?.kind === "live" && live.digest !== step.desired);
  const unread = found.filter(({ live }) => live?.kind !== "live").length;
  return { diverged: diverged.map(({ step }) => step.id), unread };
}

/** What waits for another system's restore is no part of the time to fix it. */
async function end(run: Run, plan: Plan, outcome: RollbackOutcome, fixed: Verdict): Promise<Proof> {
  const { clock } = run.ports;
  const provedAt = clock.now();
  const diverged = await thaw(run, async () => (await unlike(run, plan)).diverged);
  if (diverged.length > 0) return { kind: "diverged", diverged };
  const { system } = run.playbook;
  const endedAt = clock.now();
  const rollback: Rollback = {
    ...run.rollout.rollback!,
    endedAt,
    outcome,
    fixed,
    ...(outcome === "verified" ? { fixedAt: provedAt } : {}),
  };
  const next: Rollout = { ...run.rollout, phase: "aborted", endedAt, rollback };
  const good = { kind: "known-good", knownGood: { system, release: run.stable.id, provedAt } } as const;
  await save(run, next, [
    ...(outcome === "verified" ? [good] : []),
    entryOf(run, "rollback-ended", { outcome, saga: rollback.saga, fixed: fixed.kind }),
  ]);
  emit(run, "ended", outcome === "verified" ? "fixed: proved" : "restored, but not proved to be fixed", {
    verdict: fixed,
  });
  return { kind: "ended" };
}
