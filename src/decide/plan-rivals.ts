import { digestOf } from "../core/digest.ts";
import { planDigest, type Step } from "../core/plan.ts";
import type { Rival } from "../core/ports.ts";
import type { Planned } from "./plan-change.ts";

/**
 * The same plan with those who would undo it: each is frozen once, before the components that it would undo, and thawed
 * after everything. Pure; the digest covers them.
 */
export function withRivals(planned: Planned, rivals: ReadonlyMap<string, readonly Rival[]>): Planned {
  if (planned.kind === "impossible") return planned;
  const { plan } = planned;
  const freezes = new Map<string, Step>();
  const steps = plan.steps.map((step): Step => {
    const own = rivals.get(step.component) ?? [];
    for (const rival of own) if (!freezes.has(rival.at)) freezes.set(rival.at, freezeOf(step, rival));
    return own.length === 0 ? step : { ...step, after: [...step.after, ...own.map(({ at }) => freezes.get(at)!.id)] };
  });
  if (freezes.size === 0) return planned;
  const thaws = [...freezes.values()].map(({ state: _, ...freeze }): Step => {
    return { ...freeze, id: `thaw ${freeze.at}`, kind: "thaw", after: steps.map(({ id }) => id) };
  });
  const whole = { ...plan, steps: [...freezes.values(), ...steps, ...thaws] };
  return { kind: "planned", plan: whole, digest: planDigest(whole) };
}

function freezeOf({ component }: Step, { at, through, label, frozen }: Rival): Step {
  const step = { id: `freeze ${at}`, component, at, through, desired: digestOf(frozen), label } as const;
  return { ...step, undo: "compensatable", after: [], kind: "freeze", state: frozen };
}
