import type { StepRecord } from "../core/rollout.ts";

/**
 * What tells the records of one saga's steps apart, in the column `step`: each direction has its own. The way forward is
 * called as it always was, so that versions before and after the way back was recorded work on one database.
 */
export function stepKey({ step, direction }: Pick<StepRecord, "step" | "direction">): string {
  return direction === "compensate" ? `${step} (${direction})` : step;
}
