import type { Applied } from "../core/ports.ts";
import type { StepRecord } from "../core/rollout.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { doneOf, intentOf, stuckOf } from "./step-journal.ts";
import type { StepRun } from "./step-run.ts";
import { type StepTarget, targetOf } from "./step-target.ts";
import { askWhatServes, type Live, readTarget, reasonOf, sendToTarget } from "./target-call.ts";

const LONGEST_PAUSE_MS: Milliseconds = 5000;
/** Between two looks at a lease that another has. */
export const HELD_PAUSE_MS: Milliseconds = 300;

/** `done`: read back by identity. `stuck`: undecidable, people decide. `fenced`: somebody newer acts; stop at once. */
export type StepEnd = "done" | "stuck" | "fenced";

/**
 * Runs one step of a saga to its end. `unspent`: the known intent was written by this run of the saga, and nothing was
 * sent under it yet.
 * Owns: the step's record. Does not own: the lease, the order of steps.
 * I1  The effect is sent only after its intent is durable, under our fence.
 * I2  Before every send, first or repeated, the target is read; what equals neither before nor desired is never touched.
 * I3  `done` is written only after the target was read and serves the desired digest, down to what really serves.
 * I4  A step is given up only after its target was read, or could not be, since the last send.
 * I5  What puts something back touches only what still serves as the step left it.
 * I6  What is sent is counted before it is sent.
 * I7  Once it is halted nothing more is sent and nothing awaited; what was sent is read once more.
 * I8  A target that has seen a newer fence than the newest of our own store is for people: nobody there can tell who acts.
 *     One that another saga has written to since we lost its lease is waited for as long as the plan gives, and read again.
 * I9  Where an older write may still be under way, ours is sent even if it changes nothing: its fence and its new version
 *     keep out what comes late.
 */
export async function runStep(run: StepRun, known: StepRecord | undefined, unspent: boolean): Promise<StepEnd> {
  if (known?.status === "done") return "done";
  const { ports, step } = run;
  let adapter: StepTarget;
  try {
    adapter = targetOf(ports.adapterFor(step.through ?? step.at), step);
  } catch (error) {
    return giveUp(run, known, 0, undefined, reasonOf(error));
  }
  const recovered = known !== undefined && !unspent;
  // What nothing was sent under binds nobody: it may still be written as the target really is.
  let sentUnder = unspent ? undefined : known;
  let settled = isSettled(run, sentUnder);
  let lastReason = "no answer to what was sent";
  let attempts = (sentUnder ?? run.instead)?.attempts ?? 0;
  const until = givenUpAfter(run);
  let waited = 0;
  for (let tries = sentUnder?.attempts ?? 0; ; waited += await rest(run, tries)) {
    const fence = await fenceFor(run);
    if (fence === undefined) return "fenced";
    if (typeof fence === "string") lastReason = "another playbook changes it";
    const live = await readTarget(run, adapter);
    const late = ports.clock.now() >= until || waited >= run.saga.plan.deadline;
    const enough = typeof fence === "string" ? fence : whyEnough(run, tries, late);
    tries += 1;
    if (live.kind === "unreachable") {
      lastReason = `cannot be read: ${live.reason}`;
      if (enough) return giveUp(run, sentUnder, attempts, undefined, `${lastReason}; ${enough}`);
      continue;
    }
    const inPlace = live.digest === step.desired;
    if (inPlace && !sentUnder) {
      sentUnder = await frozenByOther(run);
      // What they sent may still arrive: our fence keeps it out.
      settled &&= sentUnder === undefined;
    }
    if (inPlace && settled) return finish(run, adapter, sentUnder, live, recovered);
    const before = sentUnder?.before ?? (run.direction === "compensate" ? step.before : undefined);
    if (before !== undefined && !inPlace && live.digest !== before) {
      return giveUp(
        run,
        sentUnder,
        attempts,
        live,
        `somebody else changed it ${sentUnder ? "after our intent" : "since"}`,
      );
    }
    if (enough || typeof fence === "string") return giveUp(run, sentUnder, attempts, live, `${lastReason}; ${enough}`);
    attempts += 1;
    const record: StepRecord =
      !sentUnder && known?.before === live.digest && known.attempts === attempts
        ? known
        : { ...intentOf(run, sentUnder, live, attempts), targetFence: fence };
    if (record !== known && !(await run.write(record))) return "fenced";
    sentUnder = { ...record, targetFence: fence };
    ports.atCrashPoint("saga.intent-recorded");
    if (ports.mayAct?.() === false) return "fenced";
    const answer = await sendToTarget(run, adapter, record, fence, live);
    ports.atCrashPoint("saga.effect-sent");
    const refusal = await refusalOf(run, answer, fence);
    if (refusal !== undefined) return await endRefused(run, adapter, sentUnder, refusal, recovered);
    if ("reason" in answer) lastReason = answer.reason;
    else {
      settled = true;
      const after = await readTarget(run, adapter);
      ports.atCrashPoint("saga.effect-read-back");
      if (after.kind === "live" && after.digest === step.desired)
        return finish(run, adapter, sentUnder, after, recovered);
      lastReason = "the target said yes, but does not serve it yet";
    }
  }
}

/**
 * Can nothing older come late any more? What changes nothing was sent because something may; that it is in place says nothing
 * of that.
 */
function isSettled({ ports, step, instead }: StepRun, sentUnder: StepRecord | undefined): boolean {
  const needless = sentUnder !== undefined && sentUnder.attempts > 0 && sentUnder.before === step.desired;
  return !ports.underWay?.has(step.at) && !instead && !needless;
}

/** Waits while another has the target, for as long as the plan gives; then, or once it is halted, why it waits no more. */
async function fenceFor(run: StepRun): Promise<number | string | undefined> {
  const { ports, saga, step } = run;
  const until = endOfPlan(run);
  for (let waited = 0; ; waited += HELD_PAUSE_MS) {
    const fence = await ports.fenceAt(step.at);
    if (fence !== "held") return fence;
    const halted = ports.halted?.();
    if (halted !== undefined) return halted;
    if (ports.clock.now() >= until || waited >= saga.plan.deadline) return "gave up when its plan's time was over";
    await ports.clock.sleep(HELD_PAUSE_MS);
  }
}

/** Of a freeze whose rival another system's rollback has frozen: whoever thaws last brings back what that one found. */
async function frozenByOther(run: StepRun): Promise<StepRecord | undefined> {
  const found = run.step.kind === "freeze" ? await run.ports.frozenBy?.(run.step.at) : undefined;
  return found && intentOf(run, undefined, { digest: found.before, state: found.state }, 0);
}

/** It doubles, up to sixteen pauses or a twentieth of the plan's time, and five seconds at most. */
async function rest({ ports, saga, patience }: StepRun, tries: number): Promise<Milliseconds> {
  const longest = Math.max(16 * patience.pauseMs, Math.min(LONGEST_PAUSE_MS, saga.plan.deadline / 20));
  const pause = Math.min(longest, patience.pauseMs * 2 ** (tries - 1));
  await ports.clock.sleep(pause);
  return pause;
}

/**
 * What goes back is tried for as long as its playbook gives it: a target that restarts is no reason for people to come. A
 * deployment is soon given up, and a rival that cannot be frozen, for which everything else waits.
 */
function givenUpAfter(run: StepRun): Instant {
  const deploys = run.saga.plan.kind === "release" && run.direction === "forward";
  return run.step.kind !== undefined || deploys ? 0 : endOfPlan(run);
}

function endOfPlan({ ports, saga, patience }: StepRun): Instant {
  const now = ports.clock.now();
  // Whoever started the saga may have had a clock that is ahead of ours.
  return Math.max(Math.min(saga.startedAt, now) + saga.plan.deadline, now + patience.callMs);
}

/** Why it is not tried again. */
function whyEnough({ ports, patience }: StepRun, tries: number, late: boolean): string | undefined {
  if (tries >= patience.attempts && late) return `gave up after ${tries} attempts`;
  return tries > 0 ? ports.halted?.() : undefined;
}

/** Where our fence is the newest in the store, somebody acts under another store, or ours was brought back. */
async function refusalOf({ ports, step }: StepRun, answer: Applied, fence: number): Promise<string | undefined> {
  if (answer.kind === "refused") return answer.reason;
  if (answer.kind !== "stale" || (await ports.fenceAt(step.at, fence)) !== fence) return undefined;
  return `it has seen a newer controller (${answer.reason}; our fence is ${fence}): is another Rollbook acting?`;
}

/** The answer may be wrong: what the target serves now counts. */
async function endRefused(
  run: StepRun,
  adapter: StepTarget,
  record: StepRecord,
  reason: string,
  recovered: boolean,
): Promise<StepEnd> {
  const live = await readTarget(run, adapter);
  if (live.kind === "unreachable") return giveUp(run, record, record.attempts, undefined, reason);
  if (live.digest === run.step.desired) return finish(run, adapter, record, live, recovered);
  return giveUp(run, record, record.attempts, live, reason);
}

async function finish(
  run: StepRun,
  adapter: StepTarget,
  sentUnder: StepRecord | undefined,
  live: Live,
  recovered: boolean,
): Promise<StepEnd> {
  const unseen = await waitUntilServed(run, adapter);
  if (unseen !== undefined)
    return giveUp(run, sentUnder, 0, live, `in place, but what serves does not have it: ${unseen}`);
  if (!(await run.write(doneOf(run, sentUnder, live, recovered)))) return "fenced";
  run.ports.atCrashPoint("saga.step-recorded");
  return "done";
}

/** Asks until what serves has it; after the plan's deadline, why it has not. A process that reloads takes its time. */
async function waitUntilServed(run: StepRun, adapter: StepTarget): Promise<string | undefined> {
  const { ports, saga, patience } = run;
  const until = endOfPlan(run);
  for (let waited = 0; ; waited += patience.pauseMs) {
    const answer = await askWhatServes(run, adapter);
    if (answer.kind === "seen") return undefined;
    const halted = ports.halted?.();
    if (halted !== undefined) return `${answer.reason}; ${halted}`;
    if (ports.clock.now() >= until || waited >= saga.plan.deadline) return answer.reason;
    await ports.clock.sleep(patience.pauseMs);
  }
}

async function giveUp(
  run: StepRun,
  known: StepRecord | undefined,
  attempts: number,
  live: Live | undefined,
  note: string,
): Promise<StepEnd> {
  const record = stuckOf(run, known, { attempts, note, ...(live ? { found: live.digest } : {}) });
  return (await run.write(record)) ? "stuck" : "fenced";
}
