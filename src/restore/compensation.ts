import type { Plan, Step } from "../core/plan.ts";
import type { StepRecord } from "../core/rollout.ts";
import type { SagaPorts } from "./step-run.ts";

export type Compensation =
  | {
      readonly kind: "possible";
      readonly steps: readonly Step[];
      /** Steps that stay as they are found: nobody saw what the plan expected before them. */
      readonly left: readonly string[];
    }
  | { readonly kind: "impossible"; readonly reason: string };

/**
 * The steps that put back what the forward steps of a saga may have changed: each to the before-state of its intent, what
 * came last first. Impossible once something is past its point of no return. A release goes back to its restore point,
 * whatever was seen; a rollback brings nothing into place again that was not seen to serve. Pure.
 */
export function compensationOf(
  plan: Plan,
  forward: ReadonlyMap<string, StepRecord>,
  served: NonNullable<SagaPorts["served"]> = () => true,
): Compensation {
  const touched = plan.steps.flatMap((step) => {
    const record = forward.get(step.id);
    return step.kind === undefined && record && record.attempts > 0 && record.before !== record.desired
      ? [{ step, record }]
      : [];
  });
  const isSeen = ({ step, record }: (typeof touched)[number]) =>
    plan.kind === "release" || wasObserved(step, record) || served(step.at, record.before);
  const moved = touched.filter(isSeen);
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
  return { kind: "possible", steps, left: touched.filter((one) => !isSeen(one)).map(({ step }) => step.id) };
}

/**
 * Did whoever wrote this record read its before-state at the target? A first intent may say what the plan expects; one that
 * says something else, or that was repeated, was written after a look, and so was an end by who had not to recover it.
 */
function wasObserved(step: Step, { status, attempts, recovered, before }: StepRecord): boolean {
  return before !== step.before || (attempts > 1 && status !== "stuck") || (status === "done" && !recovered);
}

/** Does a step wait for this one, itself or through others? */
function comesAfter(plan: Plan, step: Step, id: string): boolean {
  return plan.steps.some(
    (earlier) => step.after.includes(earlier.id) && (earlier.id === id || comesAfter(plan, earlier, id)),
  );
}
