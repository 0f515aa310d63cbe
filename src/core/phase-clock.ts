import type { Rollback } from "./rollout.ts";
import { formatDuration, type Instant, type Milliseconds } from "./time.ts";

/** The three phases of a rollback, each with its own clock and deadline. */
export type PhaseName = "contain" | "restore" | "verify";

export type Deadlines = Readonly<Record<PhaseName, Milliseconds>>;

/** One phase as it stands: not begun (no `from`), running (no `until`), or over. */
export interface PhaseClock {
  readonly phase: PhaseName;
  readonly from?: Instant;
  readonly until?: Instant;
  readonly deadline: Milliseconds;
  /** It took, or takes, longer than its deadline. */
  readonly late: boolean;
}

/**
 * The clocks of a rollback at this moment. Containment counts from the decision; the restore from the decision too, or from
 * when it was begun anew; the proof from the restore. A rollback that ended stops all of them.
 */
export function phaseClocks(rollback: Rollback, now: Instant): readonly PhaseClock[] {
  const { decidedAt, containedAt, restoredAt, endedAt, fixedAt, restoringSince = decidedAt, deadlines } = rollback;
  if (!deadlines) return [];
  const clock = (phase: PhaseName, from: Instant | undefined, end: Instant | undefined): PhaseClock => {
    const deadline = deadlines[phase];
    const until = from === undefined ? undefined : (end ?? endedAt);
    return {
      phase,
      ...(from === undefined ? {} : { from }),
      ...(until === undefined ? {} : { until }),
      deadline,
      late: from !== undefined && (until ?? now) - from > deadline,
    };
  };
  return [
    // What nothing could stand in for was contained by its restore.
    clock("contain", decidedAt, containedAt ?? restoredAt),
    clock("restore", restoringSince, restoredAt),
    clock("verify", restoredAt, fixedAt),
  ];
}

/** `restore: 12.3 s of 60.0 s`, with LATE where it is. */
export function phaseText({ phase, from, until, deadline, late }: PhaseClock, now: Instant): string {
  if (from === undefined) return `${phase}: not begun, has ${formatDuration(deadline)}`;
  const span = formatDuration((until ?? now) - from);
  return `${phase}: ${until === undefined ? "for " : ""}${span} of ${formatDuration(deadline)}${late ? ", LATE" : ""}`;
}
