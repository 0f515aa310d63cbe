import type { Sample } from "../core/sample.ts";
import type { Verdict } from "../core/verdict.ts";
import { type Move, nextMove } from "../decide/next-move.ts";
import { createEvaluator, type Evaluator } from "../watch/evaluator.ts";
import { noteOf } from "./cord.ts";
import { rollBack } from "./roll-back.ts";
import { signalOf, triggerRules } from "./rules.ts";
import { drain, emit, entryOf, FencedError, keep, type Run, routeTo, samplesChange, save } from "./run.ts";

/** Probability of calling a candidate safe although it does the harm that a trigger names. */
export const BETA = 0.05;

/**
 * The loop of a live rollout: every tick judges what arrived, renews the exposure while the candidate can be seen, and
 * moves. Returns when the rollout is promoted or rolled back.
 */
export async function expose(run: Run): Promise<void> {
  const { clock } = run.ports;
  const resumed = run.rollout.step >= 0;
  if (!resumed && !run.cord) await moveTo(run, 0, undefined);
  const evaluator = evaluatorOf(run);
  evaluator.observe(await run.ports.store.samples(run.rollout.id));
  const stands = resumed && !run.cord && evaluator.judge(clock.now()).kind !== "harmful";
  if (stands) await moveTo(run, run.rollout.step, undefined);
  const shownSince = clock.now();
  let atStep: Verdict | undefined;
  let lastSaid = 0;
  for (;;) {
    if (!run.cord) await clock.sleep(run.settings.tickMs);
    if (run.stopped) throw new FencedError(run.lease.resource);
    const samples = drain(run);
    evaluator.observe(samples);
    const verdict = evaluator.judge(clock.now());
    if (run.cord) return rollBack(run, "person", [noteOf(run.cord)], verdict, samples);
    const move = nextMove(run.playbook, run.rollout, verdict, clock.now(), run.settings.patienceMs);
    if (move.kind === "roll-back") {
      if (run.playbook.authority === "act") return rollBack(run, move.cause, move.because, verdict, samples);
      return observeOnly(run, move, verdict, samples);
    }
    const unseen = (move.kind === "advance" || move.kind === "promote") && !grown(verdict, atStep);
    const blind = move.kind === "stay" && move.blind && clock.now() - shownSince > run.settings.blindMs;
    const living = clock.now() < run.lease.until;
    if (living && !blind) run.ports.traffic.renew(run.playbook.system, clock.now() + run.settings.exposureMs);
    await keep(run, samples);
    if (run.cord) continue;
    if (move.kind === "promote" && !unseen) return promote(run, verdict);
    if (move.kind === "advance" && !unseen) {
      await moveTo(run, move.step, verdict);
      atStep = verdict;
    } else if (clock.now() - lastSaid >= 500) {
      lastSaid = clock.now();
      run.rollout = { ...run.rollout, verdict };
      emit(run, blind ? "blind" : "judged", "why" in move ? move.why : "no outcome of this step yet", { verdict });
    }
  }
}

/** Has every rule seen an outcome of the candidate since the step began? Without one, going on would rest on old data. */
function grown(verdict: Verdict, before: Verdict | undefined): boolean {
  const seen = new Map(before?.findings.map(({ name, candidate }) => [name, candidate.n]));
  return verdict.findings.every(
    ({ name, method, candidate }) => method === "hard-limit" || candidate.n > (seen.get(name) ?? 0),
  );
}

function evaluatorOf(run: Run): Evaluator {
  const { playbook, settings, rollout } = run;
  return createEvaluator({
    rules: triggerRules(playbook),
    hardLimits: playbook.hardLimits.map((limit) => ({ limit, signal: signalOf(playbook, limit.signal) })),
    alpha: playbook.falseAlarms,
    beta: BETA,
    candidate: run.candidate.id,
    reference: run.stable.id,
    from: rollout.exposedAt ?? run.ports.clock.now(),
    horizon: settings.patienceMs,
    frozen: rollout.frozen,
    blindMs: settings.blindMs,
  });
}

/**
 * Gives the candidate a step's share; after a restart the share of the step that was reached, with the evidence so far.
 * The route is durable under our fence before it is set, so that a controller that lost its place never exposes anything.
 */
async function moveTo(run: Run, step: number, verdict: Verdict | undefined): Promise<void> {
  const { clock, traffic } = run.ports;
  const percent = run.playbook.how.steps[step] ?? 0;
  const route = routeTo(run, percent);
  const now = clock.now();
  const next = {
    ...run.rollout,
    phase: "progressing" as const,
    step,
    stepSince: step === run.rollout.step ? run.rollout.stepSince : now,
    exposedAt: run.rollout.exposedAt ?? now,
    ...(verdict ? { verdict } : {}),
  };
  const data = { step, percent, epoch: route.epoch, candidate: run.candidate.id, verdict: verdict?.kind };
  await save(run, next, [{ kind: "route", route }, entryOf(run, "exposure", data)]);
  if (run.cord) return;
  traffic.set(route);
  traffic.renew(run.playbook.system, clock.now() + run.settings.exposureMs);
  emit(run, "exposed", `${percent} % of traffic goes to ${run.candidate.label}`, verdict ? { verdict } : {});
}

async function promote(run: Run, verdict: Verdict): Promise<void> {
  const now = run.ports.clock.now();
  const { system, how } = run.playbook;
  await save(run, { ...run.rollout, phase: "healthy", endedAt: now, verdict }, [
    { kind: "known-good", knownGood: { system, release: run.candidate.id, provedAt: now } },
    entryOf(run, "rollout-ended", { outcome: "promoted", holdback: how.holdback, release: run.candidate.id }),
  ]);
  if (!run.cord) run.ports.traffic.renew(system, Number.MAX_SAFE_INTEGER);
  emit(run, "promoted", `${run.candidate.label} is promoted; ${how.holdback} % stays on ${run.stable.label}`, {
    verdict,
  });
}

/** `authority: observe` runs everything but the way back: it says what it would have done, once, and stops judging. */
async function observeOnly(
  run: Run,
  { cause, because }: Extract<Move, { readonly kind: "roll-back" }>,
  verdict: Verdict,
  samples: readonly Sample[],
): Promise<void> {
  const now = run.ports.clock.now();
  const reasons = because.join(", ");
  const note = cause === "harm" ? `would have rolled back: ${reasons}` : `undecided, would have gone back: ${reasons}`;
  await save(run, { ...run.rollout, phase: "paused", endedAt: now, verdict, note }, [
    ...samplesChange(run, samples),
    entryOf(run, "verdict", { kind: verdict.kind, because: [...because], authority: "observe" }),
  ]);
  emit(run, cause === "harm" ? "observed-harm" : "ended", note, { verdict });
}
