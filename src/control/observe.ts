import type { Sample } from "../core/sample.ts";
import type { Verdict } from "../core/verdict.ts";
import { nextMove } from "../decide/next-move.ts";
import { isDue, Unwatched } from "./cadence.ts";
import { holdEvidence } from "./held-evidence.ts";
import { startJudgement } from "./judgement.ts";
import { noteOf, wordFor } from "./order.ts";
import { emit, entryOf, keep, type Run, samplesChange, save } from "./run.ts";
import { tellPeople } from "./tell-people.ts";

const SAY_MS = 500;

/**
 * `authority: observe`: everything is judged as it would be, and nothing is changed: no component, no route. What it would
 * have done goes into the diary, once; judging goes on, so that the diary can tell what going back would have saved.
 * Ends when people say how it went (`promote`, `abort`, `rollback`), or when it would have been promoted or given up.
 */
export async function observe(run: Run): Promise<void> {
  const { clock } = run.ports;
  if (run.rollout.exposedAt === undefined) {
    const now = clock.now();
    await save(run, { ...run.rollout, phase: "progressing", step: 0, stepSince: now, exposedAt: now });
    emit(run, "exposed", `observing ${run.candidate.label}: people deploy it and give it traffic`);
  }
  await giveShareAgain(run);
  const judgement = await startJudgement(run, run.rollout.exposedAt ?? clock.now());
  const unwatched = new Unwatched();
  let lastSaid = 0;
  try {
    for (;;) {
      const { verdict, samples } = await judgement.next();
      const end = endOf(run, verdict, unwatched);
      if (end) return await close(run, end, verdict, samples);
      if (verdict.kind === "harmful" && !run.rollout.wouldHave) await noteHarm(run, verdict, samples);
      else await keep(run, samples);
      if (isDue(clock.now(), lastSaid, SAY_MS)) {
        lastSaid = clock.now();
        run.rollout = { ...run.rollout, verdict };
        emit(run, "judged", run.rollout.wouldHave ? "would have gone back" : "observing", { verdict });
      }
    }
  } finally {
    judgement.stop();
  }
}

/** After a restart nothing has a share; what people gave before it they meant for longer than one process. */
async function giveShareAgain({ ports, rollout, candidate, lease }: Run): Promise<void> {
  const { store, traffic } = ports;
  const given = await store.route(rollout.system);
  const current = traffic.current(rollout.system);
  if (given?.candidate !== candidate.id || given.candidatePpm === 0 || !current || current.candidatePpm > 0) return;
  const route = { ...given, epoch: Math.max(given.epoch, current.epoch) + 1 };
  await store.commit([{ kind: "route", route }], { resource: lease.resource, fence: lease.fence });
  traffic.set(route);
  traffic.renew(rollout.system, Number.MAX_SAFE_INTEGER);
}

/** Writes into the diary that this is the moment at which it would have gone back. */
export async function noteHarm(run: Run, verdict: Verdict, samples: readonly Sample[]): Promise<void> {
  const at = run.ports.clock.now();
  const wouldHave = { at, because: verdict.because, verdict };
  const note = `would have rolled back: ${verdict.because.join(", ")}`;
  await save(run, { ...run.rollout, verdict, wouldHave, note }, [
    ...samplesChange(run, samples),
    entryOf(run, "observed", { kind: verdict.kind, because: [...verdict.because], logEvidence: verdict.logEvidence }),
  ]);
  emit(run, "observed-harm", note, { verdict });
  tellPeople(run, "would be rolled back now", verdict.because);
  await holdEvidence(run, "would-have", verdict);
}

interface End {
  readonly outcome: "promoted" | "aborted" | "undecided";
  readonly note: string;
  readonly by: string;
}

function endOf(run: Run, verdict: Verdict, unwatched: Unwatched): End | undefined {
  const { order, rollout, playbook, settings, ports } = run;
  const now = ports.clock.now();
  unwatched.look(now);
  if (order?.kind === "promote") return { outcome: "promoted", note: `kept by ${noteOf(order)}`, by: order.by };
  if (order && order.kind !== "pause")
    return { outcome: "aborted", note: `taken back by ${noteOf(order)}`, by: order.by };
  if (verdict.kind === "harmful") {
    const over = now - unwatched.after(rollout.wouldHave?.at ?? now) > settings.patienceMs;
    return over
      ? { outcome: "undecided", note: `${rollout.note}; people did not say how it went`, by: "rollbook" }
      : undefined;
  }
  const last = playbook.how.steps.length - 1;
  const began = unwatched.after(rollout.exposedAt ?? now);
  const asIfLast = { ...rollout, exposedAt: began, step: last, stepSince: began + playbook.how.each * last };
  const move = nextMove(playbook, asIfLast, verdict, now, settings.patienceMs);
  if (move.kind === "promote") return { outcome: "promoted", note: "would have been promoted", by: "rollbook" };
  if (move.kind !== "roll-back") return undefined;
  return { outcome: "undecided", note: `undecided, would have gone back: ${move.because.join(", ")}`, by: "rollbook" };
}

async function close(
  run: Run,
  { outcome, note, by }: End,
  verdict: Verdict,
  samples: readonly Sample[],
): Promise<void> {
  const now = run.ports.clock.now();
  const { system } = run.playbook;
  const good = { kind: "known-good", knownGood: { system, release: run.candidate.id, provedAt: now } } as const;
  const phase = outcome === "promoted" ? "healthy" : "aborted";
  const word = wordFor(run.order, verdict);
  run.order = undefined;
  await save(run, { ...run.rollout, ...word, phase, endedAt: now, verdict, note }, [
    ...samplesChange(run, samples),
    ...(outcome === "promoted" ? [good] : []),
    entryOf(run, "rollout-ended", { outcome, authority: "observe", note, release: run.candidate.id }, by),
  ]);
  emit(run, "ended", note, { verdict });
}
