import { shortDigest } from "../core/digest.ts";
import type { Plan } from "../core/plan.ts";

/** A plan for people: its digest, then one line for each component, in the order in which steps may begin. */
export function renderPlan(plan: Plan, digest: string): string {
  const width = Math.max(0, ...plan.steps.map(({ component }) => component.length));
  const lines = plan.steps.map(({ component, label, desired, after, kind }) => {
    const order = after.length > 0 ? `, after ${after.join(" and ")}` : "";
    const what = kind ? `${kind} ${label}` : `-> ${label} (${shortDigest(desired)})`;
    return `  ${component.padEnd(width)} ${what}${order}`;
  });
  return [`${plan.kind} of ${plan.system}: plan ${digest}`, ...lines].join("\n");
}
