import type { Order } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Milliseconds } from "../core/time.ts";
import type { Verdict } from "../core/verdict.ts";
import { isDue, Unwatched } from "./cadence.ts";
import { startJudgement } from "./judgement.ts";
import { backFromQuarantine } from "./left-behind.ts";
import { changedComponents } from "./live-state.ts";
import { noteHarm } from "./observe.ts";
import { cordOf, noteOf, wordFor } from "./order.ts";
import { rollBack } from "./roll-back.ts";
import { emit, entryOf, keep, type Run, samplesChange, save } from "./run.ts";

const SAY_MS = 500;

type End = {
  readonly outcome: "promoted" | "undecided" | "gone" | "superseded";
  readonly note: string;
  readonly by?: string;
};

/**
 * A release that came without Rollbook serves everybody already: there is no gate, no step and no concurrent stable. It is
 * judged against stable's window from before it was noticed, and goes back like any other when that proves harm.
 * What stays undecided is left in place, because somebody wanted it there; people are told. What is in quarantine goes back
 * at once.
 */
export async function judgeUnannounced(run: Run): Promise<void> {
  const { clock } = run.ports;
  if (run.rollout.step < 0) {
    const now = clock.now();
    await save(run, { ...run.rollout, phase: "progressing", step: 0, stepSince: now, exposedAt: now });
  }
  const acts = run.playbook.authority === "act";
  await countAsItself(run, acts);
  const again = acts ? await backFromQuarantine(run.ports.store, run.candidate) : undefined;
  const judgement = await startJudgement(run, run.rollout.exposedAt ?? clock.now());
  const unwatched = new Unwatched();
  let lastSaid = 0;
  let lastRead = clock.now();
  try {
    for (;;) {
      const { verdict, samples } = await judgement.next();
      const cord = cordOf(run);
      if (cord && !acts) return await close(run, await takenBack(run, cord), verdict, samples);
      if (cord) return await rollBack(run, "person", [noteOf(cord)], verdict, samples);
      if (again) return await rollBack(run, "harm", [`${again.label} is in quarantine`], verdict, samples);
      if (verdict.kind === "harmful" && acts) return await rollBack(run, "harm", verdict.because, verdict, samples);
      if (verdict.kind === "harmful" && !run.rollout.wouldHave) await noteHarm(run, verdict, samples);
      else await keep(run, samples);
      const now = clock.now();
      unwatched.look(now);
      const read = isDue(now, lastRead, run.settings.pollMs);
      if (read) lastRead = now;
      const shown = now - unwatched.after(run.rollout.exposedAt ?? now);
      const end = (read ? await movedAgain(run) : undefined) ?? endOf(run, verdict, shown);
      if (end) return await close(run, end, verdict, []);
      if (isDue(clock.now(), lastSaid, SAY_MS)) {
        lastSaid = clock.now();
        run.rollout = { ...run.rollout, verdict };
        emit(run, "judged", "unannounced, judged against the window before it", { verdict });
      }
    }
  } finally {
    judgement.stop();
  }
}

/** What serves is counted under its own name, at every edge: others follow what is recorded. */
async function countAsItself(run: Run, acts: boolean): Promise<void> {
  const { traffic } = run.ports;
  const current = traffic.current(run.playbook.system);
  const counted = current?.stable === run.candidate.id && (!acts || current.candidatePpm === 0);
  if (!current || counted) return;
  run.epoch = Math.max(run.epoch, current.epoch) + 1;
  const share = acts ? { candidatePpm: 0 } : {};
  const route = { ...current, epoch: run.epoch, stable: run.candidate.id, ...share };
  await save(run, run.rollout, [{ kind: "route", route }]);
  traffic.set(route);
}

/** Under `authority: observe` a person says that it was taken back; nothing is touched for that. */
async function takenBack({ ports, playbook, stable, place }: Run, cord: Order): Promise<End> {
  const back = (await changedComponents(ports, playbook, stable, place)).length === 0;
  return { outcome: back ? "gone" : "undecided", note: `taken back by ${noteOf(cord)}`, by: cord.by };
}

async function movedAgain(run: Run): Promise<End | undefined> {
  const { ports, playbook, place } = run;
  const against = async (release: Run["stable"]) => changedComponents(ports, playbook, release, place);
  if ((await against(run.candidate)).length === 0) return undefined;
  const gone = (await against(run.stable)).length === 0;
  return gone
    ? { outcome: "gone", note: `somebody brought ${run.stable.label} back without Rollbook` }
    : { outcome: "superseded", note: "somebody changed a component again" };
}

/** @param shown for how long it was watched */
function endOf({ playbook, settings, order }: Run, verdict: Verdict, shown: Milliseconds): End | undefined {
  if (order?.kind === "promote") return { outcome: "promoted", note: `kept by ${noteOf(order)}` };
  if (verdict.kind === "healthy" && shown >= playbook.how.each * playbook.how.steps.length)
    return { outcome: "promoted", note: "it did no harm" };
  if (shown <= settings.patienceMs) return undefined;
  return { outcome: "undecided", note: `${verdict.kind} for longer than its patience; it is left in place` };
}

async function close(
  run: Run,
  { outcome, note, by }: End,
  verdict: Verdict,
  samples: readonly Sample[],
): Promise<void> {
  const { clock, traffic } = run.ports;
  const { system } = run.playbook;
  const now = clock.now();
  const release = run.candidate.id;
  const good = { kind: "known-good", knownGood: { system, release, provedAt: now } } as const;
  const current = traffic.current(system);
  const serving = outcome === "gone" ? run.stable.id : release;
  const { candidate, candidatePpm, ...rest } = current ?? { system, epoch: run.epoch, candidatePpm: 0 };
  run.epoch += 1;
  // What people gave a share while nothing but observing was allowed keeps it.
  const share = run.playbook.authority === "observe" && candidate ? { candidate, candidatePpm } : { candidatePpm: 0 };
  const route = { ...rest, epoch: Math.max(run.epoch, rest.epoch + 1), stable: serving, ...share };
  const word = wordFor(run.order, verdict);
  run.order = undefined;
  await save(
    run,
    { ...run.rollout, ...word, phase: outcome === "promoted" ? "healthy" : "aborted", endedAt: now, verdict, note },
    [
      ...samplesChange(run, samples),
      ...(outcome === "promoted" ? [good] : []),
      { kind: "route", route },
      entryOf(run, "rollout-ended", { outcome, unannounced: true, note, release }, by),
    ],
  );
  if (current) traffic.set(route);
  emit(run, "ended", note, { verdict });
}
