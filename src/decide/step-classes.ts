import type { Plan, Step } from "../core/plan.ts";
import type { Undo } from "../core/playbook.ts";

/** How late a class comes. */
export const RANK: Readonly<Record<Undo, number>> = { compensatable: 0, pivot: 1, retriable: 2, irreversible: 2 };

/**
 * The same steps with more ties: what can be taken back comes before the point of no return, and that before what can only
 * go on, wherever the components' own ties allow it. On the way back nothing waits for its class but what is past undoing:
 * a dead target must not hold up what is independent of it.
 */
export function inClasses(kind: Plan["kind"], steps: readonly Step[]): readonly Step[] {
  const after = new Map(steps.map(({ id, after: own }) => [id, [...own]]));
  const waitsFor = (id: string, earlier: string): boolean =>
    after.get(id)!.some((one) => one === earlier || waitsFor(one, earlier));
  for (const step of steps)
    for (const earlier of steps) {
      const [mine, theirs] = [RANK[step.undo], RANK[earlier.undo]];
      const counts = theirs < mine && (kind === "release" || mine === RANK.pivot || theirs === RANK.pivot);
      const free = !after.get(step.id)!.includes(earlier.id) && !waitsFor(earlier.id, step.id);
      if (counts && free) after.get(step.id)!.push(earlier.id);
    }
  return steps.map((step) => ({ ...step, after: after.get(step.id)! }));
}
