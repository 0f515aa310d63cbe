import type { Rollout, RolloutRecord } from "../core/rollout.ts";
import { type Instant, type Milliseconds, seasonWords } from "../core/time.ts";
import { outcomeOf } from "./outcome.ts";

export interface Moment {
  readonly at: Instant;
  readonly sinceExposure: Milliseconds;
  readonly what: string;
}

/** What happened, in order, from the durable record alone. */
export function timelineOf({ rollout, steps }: RolloutRecord): readonly Moment[] {
  const zero = rollout.exposedAt ?? rollout.startedAt;
  const moments: Moment[] = [];
  const add = (at: Instant | undefined, what: string) => {
    if (at !== undefined) moments.push({ at, sinceExposure: at - zero, what });
  };
  const { rollback } = rollout;
  add(rollout.startedAt, "rollout started; stable watched alone");
  add(rollout.exposedAt, "first traffic on the candidate");
  add(rollback?.decidedAt, `decided to go back: ${rollback?.cause.join(", ")}`);
  add(rollback?.containedAt, "contained: no new request goes to the candidate");
  for (const step of steps)
    if (step.saga === rollback?.saga && step.endedAt !== undefined)
      add(step.endedAt, `${step.step} ${step.status}${step.recovered ? " (recovered after a crash)" : ""}`);
  add(rollback?.restoredAt, "restored: every component read back by digest");
  add(rollback?.fixedAt, `fixed: proved against stable's own window${seasonsOf(rollout)}`);
  add(rollout.endedAt, `ended: ${outcomeOf(rollout)}`);
  return moments.sort((a, b) => a.at - b.at);
}

/** Which weeks' hours stood in for the time right before. */
function seasonsOf({ frozen, startedAt }: Rollout): string {
  const hours = frozen.flatMap(({ season }) => (season === undefined ? [] : [seasonWords(season, startedAt)]));
  return hours.length === 0 ? "" : ` of ${[...new Set(hours)].join(" and ")}`;
}
