import type { Applied } from "../core/ports.ts";
import type { StepRecord } from "../core/rollout.ts";
import { doneOf, intentOf, stuckOf } from "./step-journal.ts";
import { endOfPlan, fenceFor, givenUpAfter, rest, whyEnough } from "./step-patience.ts";
import type { StepRun } from "./step-run.ts";
import { type StepTarget, targetOf } from "./step-target.ts";
import { askWhatServes, type Live, readTarget, reasonOf, sendToTarget } from "./target-call.ts";

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
  let target: StepTarget;
  try {
    target = targetOf(ports.adapterFor(step.through ?? step.at), step);
  } catch (error) {
    return giveUp(run, known, 0, undefined, reasonOf(error));
  }
  // What nothing was sent under binds nobody: it may still be written as the target really is.
  const sentUnder = unspent || isUntouched(known) ? undefined : known;
  const trying: Trying = {
    run,
    target,
    known,
    sentUnder,
    recovered: known !== undefined && !unspent,
    settled: isSettled(run, sentUnder),
    attempts: (sentUnder ?? run.instead)?.attempts ?? 0,
    lastReason: "no answer to what was sent",
  };
  const until = givenUpAfter(run);
  let waited = 0;
  for (let tries = sentUnder?.attempts ?? 0; ; waited += await rest(run, tries)) {
    const fence = await fenceFor(run);
    if (fence === undefined) return "fenced";
    if (typeof fence === "string") trying.lastReason = "another playbook changes it";
    const live = await readTarget(run, target);
    const late = ports.clock.now() >= until || waited >= run.saga.plan.deadline;
    const enough = typeof fence === "string" ? fence : whyEnough(run, tries, late);
    tries += 1;
    const end = await (live.kind === "live" ? goOn(trying, live, fence, enough) : unread(trying, live.reason, enough));
    if (end !== "again") return end;
  }
}

/**
 * It was given up before anything was sent, and says nothing of what its target was: nobody may have read it. What another
 * system's freeze had found is said by it, and that one leaves the rival to us because of it.
 */
function isUntouched(known: StepRecord | undefined): boolean {
  return (
    known?.status === "stuck" && known.attempts === 0 && (known.state === undefined || known.before === known.desired)
  );
}

/** How far this run of a step has come. */
interface Trying {
  readonly run: StepRun;
  readonly target: StepTarget;
  /** Its record when this run began; `recovered`: something may have been sent under it. */
  readonly known: StepRecord | undefined;
  readonly recovered: boolean;
  /** The newest record that something may have been sent under. */
  sentUnder: StepRecord | undefined;
  /** Nothing older can come late any more. */
  settled: boolean;
  attempts: number;
  lastReason: string;
}

async function unread(trying: Trying, reason: string, enough: string | undefined): Promise<StepEnd | "again"> {
  const { run, sentUnder, attempts } = trying;
  trying.lastReason = `cannot be read: ${reason}`;
  return enough ? giveUp(run, sentUnder, attempts, undefined, `${trying.lastReason}; ${enough}`) : "again";
}

/** What follows from what the target serves now. */
async function goOn(
  trying: Trying,
  live: Live,
  fence: number | string,
  enough: string | undefined,
): Promise<StepEnd | "again"> {
  const { run, attempts, lastReason } = trying;
  const { step, direction } = run;
  const inPlace = live.digest === step.desired;
  const under = trying.sentUnder ?? (inPlace ? await frozenByOther(run) : undefined);
  // What others sent may still arrive: our fence keeps it out.
  const settled = trying.settled && under === trying.sentUnder;
  if (inPlace && settled) return finish(trying, under, live, fence);
  const before = under?.before ?? (direction === "compensate" ? step.before : undefined);
  if (before !== undefined && !inPlace && live.digest !== before)
    return giveUp(run, under, attempts, live, `somebody else changed it ${under ? "after our intent" : "since"}`);
  if (enough || typeof fence === "string") return giveUp(run, under, attempts, live, `${lastReason}; ${enough}`);
  return send(trying, under, live, fence);
}

/** One attempt: its intent, the effect, and what the target serves after it. */
async function send(
  trying: Trying,
  under: StepRecord | undefined,
  live: Live,
  fence: number,
): Promise<StepEnd | "again"> {
  const { run, target, known } = trying;
  const { ports, step } = run;
  const attempts = trying.attempts + 1;
  const record: StepRecord =
    !under && known?.before === live.digest && known.attempts === attempts
      ? known
      : { ...intentOf(run, under, live, attempts), targetFence: fence };
  if (record !== known && !(await run.write(record, fence))) return unwritten(run, fence);
  trying.attempts = attempts;
  trying.settled &&= under === trying.sentUnder;
  trying.sentUnder = { ...record, targetFence: fence };
  ports.atCrashPoint("saga.intent-recorded");
  if (ports.mayAct?.() === false) return "fenced";
  const answer = await sendToTarget(run, target, record, fence, live);
  ports.atCrashPoint("saga.effect-sent");
  const refusal = await refusalOf(run, answer, fence);
  if (refusal !== undefined) return endRefused(trying, refusal, fence);
  if ("reason" in answer) {
    trying.lastReason = answer.reason;
    return "again";
  }
  trying.settled = true;
  const after = await readTarget(run, target);
  ports.atCrashPoint("saga.effect-read-back");
  if (after.kind === "live" && after.digest === step.desired) return finish(trying, trying.sentUnder, after, fence);
  trying.lastReason = "the target said yes, but does not serve it yet";
  return "again";
}

/** Where only the lease of the target was another's meanwhile, everything is looked at anew once it is ours again. */
async function unwritten({ ports, step }: StepRun, fence: number | string): Promise<"fenced" | "again"> {
  if (step.kind === undefined || typeof fence === "string") return "fenced";
  return (await ports.fenceAt(step.at, fence)) === fence ? "fenced" : "again";
}

/**
 * Can nothing older come late any more? What changes nothing was sent because something may; that it is in place says nothing
 * of that.
 */
function isSettled({ ports, step, instead }: StepRun, sentUnder: StepRecord | undefined): boolean {
  const needless = sentUnder !== undefined && sentUnder.attempts > 0 && sentUnder.before === step.desired;
  return !ports.underWay?.has(step.at) && !instead && !needless;
}

/** Of a freeze whose rival another system's rollback has frozen: whoever thaws last brings back what that one found. */
async function frozenByOther(run: StepRun): Promise<StepRecord | undefined> {
  const found = run.step.kind === "freeze" ? await run.ports.frozenBy?.(run.step.at) : undefined;
  return found && intentOf(run, undefined, { digest: found.before, state: found.state }, 0);
}

/** Where our fence is the newest in the store, somebody acts under another store, or ours was brought back. */
async function refusalOf({ ports, step }: StepRun, answer: Applied, fence: number): Promise<string | undefined> {
  if (answer.kind === "refused") return answer.reason;
  if (answer.kind !== "stale" || (await ports.fenceAt(step.at, fence)) !== fence) return undefined;
  return `it has seen a newer controller (${answer.reason}; our fence is ${fence}): is another Rollbook acting?`;
}

/** The answer may be wrong: what the target serves now counts. */
async function endRefused(trying: Trying, reason: string, fence: number): Promise<StepEnd | "again"> {
  const { run, target, sentUnder, attempts } = trying;
  const live = await readTarget(run, target);
  if (live.kind === "unreachable") return giveUp(run, sentUnder, attempts, undefined, reason);
  if (live.digest === run.step.desired) return finish(trying, sentUnder, live, fence);
  return giveUp(run, sentUnder, attempts, live, reason);
}

async function finish(
  { run, target, recovered }: Trying,
  under: StepRecord | undefined,
  live: Live,
  fence: number | string,
): Promise<StepEnd | "again"> {
  const unseen = await waitUntilServed(run, target);
  if (unseen !== undefined) return giveUp(run, under, 0, live, `in place, but what serves does not have it: ${unseen}`);
  const held = typeof fence === "number" ? fence : undefined;
  if (!(await run.write(doneOf(run, under, live, recovered), held))) return unwritten(run, fence);
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
