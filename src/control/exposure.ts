import { OVER } from "../core/deadline.ts";
import type { Rollout } from "../core/rollout.ts";
import type { ArmUnderWay } from "../core/under-way.ts";
import type { Finding, Verdict } from "../core/verdict.ts";
import { nextMove } from "../decide/next-move.ts";
import { isDue, Unwatched } from "./cadence.ts";
import { containedBefore } from "./containment.ts";
import { FencedError } from "./fenced-error.ts";
import { type Judgement, startJudgement } from "./judgement.ts";
import { cordOf, noteOf } from "./order.ts";
import { openForwardGate } from "./policies.ts";
import { promote, settle } from "./promotion.ts";
import { rollBack } from "./roll-back.ts";
import { emit, entryOf, keep, type Run, routeTo, save } from "./run.ts";
import { tellPeople } from "./tell-people.ts";
import { type PlacesWatch, watchPlaces } from "./watch-places.ts";

/** How often people who watch are told of a judgement, and a policy that said no is asked again. */
const SAY_MS = 500;
const ASK_AGAIN_MS = 2000;

/**
 * The loop of a live rollout: every tick judges what arrived, renews the exposure while the candidate can be seen, and
 * moves. Returns when the rollout is settled or rolled back.
 */
export async function expose(run: Run): Promise<void> {
  const resumed = run.rollout.step >= 0;
  const stopLooking = watchWayBack(run);
  let end: End;
  try {
    if (!resumed) await readyOrCord(run);
    if (!resumed && !cordOf(run)) await moveTo(run, 0, undefined);
    end = await judgeAndMove(run, resumed);
  } finally {
    stopLooking();
  }
  await end();
}

/** What ends the exposure. By then nobody looks for a way back any more, or at places that change because of it. */
type End = () => Promise<void>;

/** Keeps the plan back ready beside the judgement. */
function watchWayBack(run: Run): () => void {
  const stopped = new AbortController();
  void run.plans.run(stopped.signal);
  return () => stopped.abort(OVER);
}

/** No request reaches a candidate whose way back is red; a person may go back meanwhile. */
async function readyOrCord(run: Run): Promise<void> {
  for (;;) {
    await run.plans.look();
    // One that was under way already may be of what was before this rollout.
    if (unlooked(run)) await run.plans.look();
    const red = unlooked(run) ?? run.plans.blocked() ?? containedBefore(run);
    if (red === undefined || cordOf(run)) return;
    emit(run, "judged", `not forward: ${red}`);
    await run.ports.clock.sleep(run.settings.pollMs);
    if (run.stopped) throw new FencedError(run.lease.resource);
  }
}

/** Why what is known of a way back is not this rollout's, if so. */
function unlooked({ plans, rollout }: Run): string | undefined {
  return plans.current()?.rollout === rollout.id ? undefined : "its way back was not looked at yet";
}

async function judgeAndMove(run: Run, resumed: boolean): Promise<End> {
  const now = run.ports.clock.now();
  // By the clock of whoever exposed it: where that was ahead of ours, the harm of today would come before its evidence.
  const judgement = await startJudgement(run, Math.min(run.rollout.exposedAt ?? now, now));
  const stands =
    resumed &&
    !cordOf(run) &&
    !containedBefore(run) &&
    judgement.evaluator.judge(run.ports.clock.now()).kind !== "harmful";
  if (stands) await moveTo(run, run.rollout.step, undefined);
  const places = watchPlaces(run);
  try {
    return await goForward(run, judgement, places);
  } finally {
    places.stop();
    judgement.stop();
  }
}

async function goForward(run: Run, judgement: Judgement, places: PlacesWatch): Promise<End> {
  const { clock, traffic } = run.ports;
  let shownSince = clock.now();
  const gate = openForwardGate(run);
  let atStep: Verdict | undefined;
  const unwatched = new Unwatched();
  let lastSaid = 0;
  let saidNo = Number.NEGATIVE_INFINITY;
  let wasBlind = false;
  for (;;) {
    const { verdict, samples } = await judgement.next();
    const cord = cordOf(run);
    if (cord) return () => rollBack(run, "person", [noteOf(cord)], verdict, samples);
    const now = clock.now();
    shownSince = Math.min(shownSince, now);
    unwatched.look(now);
    const found = places.foreign();
    const changed = found && { ...found, since: unwatched.after(found.since) };
    const watched = asWatched(run.rollout, unwatched);
    const move = nextMove(run.playbook, watched, verdict, now, run.settings.patienceMs, changed);
    if (move.kind === "roll-back") return () => rollBack(run, move.cause, move.because, verdict, samples);
    const blind = move.kind === "stay" && move.blind && now - shownSince > run.settings.blindMs;
    if (blind && !wasBlind && run.rollout.promotedAt !== undefined)
      tellPeople(run, "is promoted, and nothing is seen of it any more", [
        "its share is back on the release before it",
      ]);
    wasBlind = blind;
    const renewed = now < run.lease.until && !blind && run.unsaved.length === 0;
    // From before the question whether we may: a process that was stopped in between exposes nothing when it wakes.
    if (renewed) traffic.renew(run.playbook.system, now + run.settings.exposureMs);
    judgement.evaluator.exposed(now, renewed ? (traffic.current(run.playbook.system)?.candidatePpm ?? 0) / 1e6 : 0);
    const away = run.unsaved.length > 0;
    await keep(run, samples);
    // Its share lapsed because of the store, and not because nothing was seen of it.
    if (away && run.unsaved.length === 0) shownSince = now;
    if (cordOf(run)) continue;
    const foreign = changed?.what ?? run.plans.blocked() ?? containedBefore(run) ?? unrecorded(run) ?? unanswered(run);
    if (move.kind === "settle" && foreign === undefined) return () => settle(run);
    const ordered = run.order?.kind === "promote";
    const forward = (move.kind === "advance" || move.kind === "promote") && (ordered || grown(verdict, atStep));
    if (forward && foreign === undefined && isDue(now, saidNo, ASK_AGAIN_MS)) {
      const passed = gate.pass();
      if (passed.kind === "asking") continue;
      if (passed.reason === undefined) {
        if (move.kind === "advance") await moveTo(run, move.step, verdict);
        else if (await promote(run, verdict)) return () => settle(run);
        atStep = verdict;
        continue;
      }
      saidNo = now;
      emit(run, "judged", `not forward: ${passed.reason}`, { verdict });
    } else if (isDue(now, lastSaid, SAY_MS)) {
      lastSaid = now;
      run.rollout = { ...run.rollout, verdict };
      const why = foreign === undefined ? "no outcome of this step yet" : `not forward: ${foreign}`;
      emit(run, blind ? "blind" : "judged", "why" in move ? move.why : why, { verdict });
    }
  }
}

/** Since when it is as far as it is, without what nobody watched. */
function asWatched(rollout: Rollout, unwatched: Unwatched): Rollout {
  const { exposedAt, promotedAt, stepSince } = rollout;
  return {
    ...rollout,
    stepSince: unwatched.after(stepSince),
    ...(exposedAt === undefined ? {} : { exposedAt: unwatched.after(exposedAt) }),
    ...(promotedAt === undefined ? {} : { promotedAt: unwatched.after(promotedAt) }),
  };
}

/** Fewer open requests than these say nothing. */
const FEW_OPEN = 10;

/**
 * A candidate that hangs has few outcomes, and those are good ones. It goes no further while far more of its requests wait
 * for an answer than of stable's; what becomes of them is known before long.
 */
function unanswered({ ports }: Run): string | undefined {
  const arms = ports.requests?.();
  if (!arms) return undefined;
  const share = ({ begun, open }: ArmUnderWay) => (begun === 0 ? 0 : open / begun);
  const { candidate, stable } = arms;
  if (candidate.open < FEW_OPEN || share(candidate) <= 2 * share(stable) + 0.1) return undefined;
  return `${candidate.open} of ${candidate.begun} requests to it wait for an answer, and ${stable.open} of ${stable.begun} to stable`;
}

function unrecorded({ unsaved }: Run): string | undefined {
  return unsaved.length > 0 ? "the store takes no write" : undefined;
}

/** What is shown of these is no sum that only grows: a window's counts, a run, or the pair of groups that is worst now. */
const NOT_SUMS: readonly Finding["method"][] = ["hard-limit", "run-length", "disparity", "policy"];

/** Has every rule seen an outcome of the candidate since the step began? Without one, going on would rest on old data. */
function grown(verdict: Verdict, before: Verdict | undefined): boolean {
  const seen = new Map(before?.findings.map(({ name, candidate }) => [name, candidate.n]));
  return verdict.findings.every(
    ({ name, method, candidate }) => NOT_SUMS.includes(method) || candidate.n > (seen.get(name) ?? 0),
  );
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
    phase: run.rollout.promotedAt === undefined ? ("progressing" as const) : run.rollout.phase,
    step,
    stepSince: step === run.rollout.step ? run.rollout.stepSince : now,
    exposedAt: run.rollout.exposedAt ?? now,
    ...(verdict ? { verdict } : {}),
  };
  const data = { step, percent, epoch: route.epoch, candidate: run.candidate.id, verdict: verdict?.kind };
  await save(run, next, [{ kind: "route", route }, entryOf(run, "exposure", data)]);
  if (cordOf(run)) return;
  traffic.set(route);
  // From before the write, so that it ends in time; and not from a clock that was set back since.
  traffic.renew(run.playbook.system, Math.min(now, clock.now()) + run.settings.exposureMs);
  emit(run, "exposed", `${percent} % of traffic goes to ${run.candidate.label}`, verdict ? { verdict } : {});
}
