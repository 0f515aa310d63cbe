import { withDeadline } from "../core/deadline.ts";
import type { Applied, Observed, Seen } from "../core/ports.ts";
import type { StepRecord } from "../core/rollout.ts";
import type { StepRun } from "./step-run.ts";
import type { StepTarget } from "./step-target.ts";

export type Live = Extract<Observed, { kind: "live" }>;

/** What the target serves. No answer in time, and an adapter that throws, are `unreachable`. */
export async function readTarget(run: StepRun, adapter: StepTarget): Promise<Observed> {
  const none = (reason: string): Observed => ({ kind: "unreachable", reason });
  return within(run, none, (signal) => adapter.read(run.step.at, signal));
}

/** Sends the effect of an intent. No answer in time, and an adapter that throws, are `unknown`: it may have happened. */
export async function sendToTarget(
  run: StepRun,
  adapter: StepTarget,
  { key }: StepRecord,
  fence: number,
  { digest, version }: Live,
): Promise<Applied> {
  const { at, desired } = run.step;
  const none = (reason: string): Applied => ({ kind: "unknown", reason });
  return within(run, none, (signal) => adapter.apply({ at, desired, before: { digest, version }, key, fence }, signal));
}

/** Whether what really serves has the desired revision; a target that serves itself has it once it was read back. */
export async function askWhatServes(run: StepRun, adapter: StepTarget): Promise<Seen> {
  if (!adapter.seen) return { kind: "seen" };
  const none = (reason: string): Seen => ({ kind: "unreachable", reason });
  return within(run, none, (signal) => adapter.seen!(run.step.at, run.step.desired, signal));
}

function within<Answer>(
  { ports, patience }: StepRun,
  none: (reason: string) => Answer,
  call: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  return withDeadline(ports.clock, patience.callMs, none, call);
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
