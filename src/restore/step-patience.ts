import type { Instant, Milliseconds } from "../core/time.ts";
import type { StepRun } from "./step-run.ts";

const LONGEST_PAUSE_MS: Milliseconds = 5000;
/** Between two looks at a lease that another has. */
export const HELD_PAUSE_MS: Milliseconds = 300;

/** Waits while another has the target, for as long as the plan gives; then, or once it is halted, why it waits no more. */
export async function fenceFor(run: StepRun): Promise<number | string | undefined> {
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

/** It doubles, up to sixteen pauses or a twentieth of the plan's time, and five seconds at most. */
export async function rest({ ports, saga, patience }: StepRun, tries: number): Promise<Milliseconds> {
  const longest = Math.max(16 * patience.pauseMs, Math.min(LONGEST_PAUSE_MS, saga.plan.deadline / 20));
  const pause = Math.min(longest, patience.pauseMs * 2 ** (tries - 1));
  await ports.clock.sleep(pause);
  return pause;
}

/**
 * What goes back is tried for as long as its playbook gives it: a target that restarts is no reason for people to come. A
 * deployment is soon given up, and a rival that cannot be frozen, for which everything else waits.
 */
export function givenUpAfter(run: StepRun): Instant {
  const deploys = run.saga.plan.kind === "release" && run.direction === "forward";
  return run.step.kind !== undefined || deploys ? 0 : endOfPlan(run);
}

export function endOfPlan({ ports, saga, patience }: StepRun): Instant {
  const now = ports.clock.now();
  // Whoever started the saga may have had a clock that is ahead of ours.
  return Math.max(Math.min(saga.startedAt, now) + saga.plan.deadline, now + patience.callMs);
}

/** Why it is not tried again. */
export function whyEnough({ ports, patience }: StepRun, tries: number, late: boolean): string | undefined {
  if (tries >= patience.attempts && late) return `gave up after ${tries} attempts`;
  return tries > 0 ? ports.halted?.() : undefined;
}
