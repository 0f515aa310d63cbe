import { type Plan, planDigest, type Step } from "../core/plan.ts";
import { isRoute, type Playbook } from "../core/playbook.ts";
import type { Release } from "../core/release.ts";
import type { Place } from "../core/rollout.ts";
import { readBy, readersOf } from "./order.ts";
import { addressIn } from "./place.ts";
import type { PastSteps } from "./price.ts";
import { inStartOrder } from "./start-order.ts";
import { inClasses } from "./step-classes.ts";

export type Planned =
  | { readonly kind: "planned"; readonly plan: Plan; readonly digest: string }
  | { readonly kind: "impossible"; readonly reasons: readonly string[] };

/** The way back from `from` to `to`: readers first, then what they read; what does not differ is still checked. `past` orders what may begin at once. */
export function planRollback(
  playbook: Playbook,
  from: Release,
  to: Release,
  place: Place = "at",
  past: readonly PastSteps[] = [],
): Planned {
  return planChange(playbook, "rollback", from, to, place, past);
}

/** The way out from `from` to `to`: what is read first, then its readers. */
export function planRelease(
  playbook: Playbook,
  from: Release,
  to: Release,
  place: Place = "at",
  past: readonly PastSteps[] = [],
): Planned {
  return planChange(playbook, "release", from, to, place, past);
}

function planChange(
  playbook: Playbook,
  kind: Plan["kind"],
  from: Release,
  to: Release,
  place: Place,
  past: readonly PastSteps[],
): Planned {
  const reasons: string[] = [];
  const restorable = playbook.components.filter((component) => !isRoute(component));
  for (const component of restorable) {
    if (!to.revisions[component.name]) reasons.push(`${to.label} names no revision of ${component.name}`);
    if (kind === "rollback" && component.undo === "irreversible" && differs(component.name, from, to)) {
      reasons.push(`${component.name} is declared irreversible; an automatic plan may not touch it`);
    }
  }
  for (const name of Object.keys(to.revisions)) {
    if (!restorable.some((component) => component.name === name)) {
      reasons.push(`${to.label} brings ${name}, which the playbook does not list under "what"`);
    }
  }
  if (reasons.length > 0) return { kind: "impossible", reasons };
  // What cannot be brought back and has not changed needs no step, and no step may touch it.
  const moving = restorable.filter(({ name, undo }) => undo !== "irreversible" || differs(name, from, to));
  const names = new Set(moving.map((component) => component.name));
  const steps = moving.map((component): Step => {
    const ties = kind === "rollback" ? readersOf(component.name, [from, to]) : readBy(component.name, [from, to]);
    const revision = to.revisions[component.name]!;
    const before = from.revisions[component.name]?.digest;
    return {
      id: component.name,
      component: component.name,
      at: addressIn(component, place),
      desired: revision.digest,
      ...(before ? { before } : {}),
      label: revision.label,
      // Taken for what can be undone only where a playbook was in effect before this had to be said: nothing goes out under it.
      undo: component.undo ?? "compensatable",
      after: ties.filter((name) => names.has(name)),
    };
  });
  const circle = circleIn(steps);
  if (circle) return { kind: "impossible", reasons: [`the components wait for each other: ${circle.join(" -> ")}`] };
  const { system, how } = playbook;
  const ordered = inStartOrder(inClasses(kind, steps), (name) => differs(name, from, to), past);
  const plan: Plan = { system, kind, from: from.id, to: to.id, steps: ordered, deadline: how.within };
  return { kind: "planned", plan, digest: planDigest(plan) };
}

function differs(name: string, from: Release, to: Release): boolean {
  return from.revisions[name]?.digest !== to.revisions[name]?.digest;
}

function circleIn(steps: readonly Step[]): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (id: string, path: readonly string[]): readonly string[] | undefined => {
    if (done.has(id)) return undefined;
    if (path.includes(id)) return [...path.slice(path.indexOf(id)), id];
    const step = steps.find((candidate) => candidate.id === id);
    for (const before of step?.after ?? []) {
      const circle = visit(before, [...path, id]);
      if (circle) return circle;
    }
    done.add(id);
    return undefined;
  };
  for (const step of steps) {
    const circle = visit(step.id, []);
    if (circle) return circle;
  }
  return undefined;
}
