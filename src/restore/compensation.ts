import type { Plan, Step } from "../core/plan.ts";
import type { StepRecord } from "../core/rollout.ts";

export type Compensation =
  | { readonly kind: "possible"; readonly steps: readonly Step[] }
  | { readonly kind: "impossible"; readonly reason: string };

/**
 * The steps that put back what the forward steps of a saga may have changed: each to the before-state of its intent, what
 * came last first. Impossible once something is past its point of no return. Pure.
 */
export function compensationOf(plan: Plan, forward: ReadonlyMap<string, StepRecord>): Compensation {
  const moved = plan.steps.flatMap((step) => {
    const record = forward.get(step.id);
    return step.kind === undefined && record && record.attempts > 0 && record.before !== record.desired
      ? [{ step, record }]
      : [];
  });
  const final = moved.filter(({ step }) => step.undo !== "compensatable");
  if (final.length > 0) {
    const names = final.map(({ step }) => `${step.id} (${step.undo})`).join(", ");
    return { kind: "impossible", reason: `${names} may have happened, and cannot be taken back` };
  }
  const steps = moved.map(({ step, record }) => ({
    ...step,
    before: record.desired,
    desired: record.before,
    after: moved.filter((other) => comesAfter(plan, other.step, step.id)).map((other) => other.step.id),
  }));
  return { kind: "possible", steps };
}

/** Does a step wait for this one, itself or through others? */
function comesAfter(plan: Plan, step: Step, id: string): boolean {
  return plan.steps.some(
    (earlier) => step.after.includes(earlier.id) && (earlier.id === id || comesAfter(plan, earlier, id)),
  );
}
