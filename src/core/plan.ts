import { type Digest, digestOfJson } from "./digest.ts";
import type { Undo } from "./playbook.ts";
import type { ComponentName, ReleaseId } from "./release.ts";
import type { Milliseconds } from "./time.ts";

/** Ordered steps from the live state to a target; pure, printable, hashable. */
export interface Plan {
  readonly system: string;
  readonly kind: "release" | "rollback";
  readonly from: ReleaseId;
  readonly to: ReleaseId;
  readonly steps: readonly Step[];
  readonly deadline: Milliseconds;
}

/** One change of one component, or of a rival. Steps whose `after` are done may run side by side. */
export interface Step {
  readonly id: string;
  readonly component: ComponentName;
  readonly at: string;
  readonly desired: Digest;
  /** What the plan expects to find: its intent can be durable before the target was read. Absent: nothing is expected. */
  readonly before?: Digest;
  readonly label: string;
  readonly undo: Undo;
  readonly after: readonly string[];
  /** `freeze` holds a rival, `thaw` brings it back into the state that the freeze found; absent: a component is changed. */
  readonly kind?: "freeze" | "thaw";
  /** Of a rival: the address of the target through whose adapter it is reached. */
  readonly through?: string;
  /** Of a rival: the state to bring it into; of a thaw in a plan still unknown. */
  readonly state?: string;
}

/** The steps that change components. */
export function componentSteps({ steps }: Pick<Plan, "steps">): readonly Step[] {
  return steps.filter(({ kind }) => kind === undefined);
}

/** The digest that people approve and the ledger names. */
export function planDigest(plan: Plan): Digest {
  const steps = plan.steps.map((step) => ({ ...step, after: [...step.after] }));
  return digestOfJson({ ...plan, steps });
}
