import { componentSteps } from "../core/plan.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Rival } from "../core/ports.ts";
import type { Release } from "../core/release.ts";
import type { Place } from "../core/rollout.ts";
import type { Instant } from "../core/time.ts";
import type { Capacity, NamedRelease, Price, WayBack, WayBackFault } from "../core/way-back.ts";
import { incompatibilities } from "./compatibility.ts";
import { withRivals } from "./plan-rivals.ts";
import { type PastSteps, priceChain, priceSteps } from "./price.ts";
import { planWayBack } from "./way-back.ts";

/** Everything that the readiness of a way back depends on, as it was found. */
export interface WayBackFacts {
  readonly playbook: Playbook;
  readonly at: Instant;
  readonly rollout?: string;
  /** What would be undone; the same as `to` where only what others change could be. */
  readonly from: Release;
  readonly to: Release;
  readonly place: Place;
  /** What targets, store, environment and audiences answered. */
  readonly faults: readonly WayBackFault[];
  readonly warnings: readonly string[];
  /** Components that lie ready at their places. */
  readonly staged?: readonly string[];
  readonly capacity: Capacity;
  readonly past: readonly PastSteps[];
  /** Who would undo it, by component. */
  readonly rivals: ReadonlyMap<string, readonly Rival[]>;
  /** What came unannounced has no stable beside it, so nothing is contained to one. */
  readonly alone: boolean;
}

/** Is the way back ready, and what would it cost? Pure: the same facts give the same plan, digest and answer. */
export function judgeReadiness(facts: WayBackFacts): WayBack {
  const { playbook, from, to, place } = facts;
  const { planned: back, lost } = planWayBack(playbook, from, to, place, facts.past);
  const planned = withRivals(back, facts.rivals);
  const faults: WayBackFault[] = [];
  if (planned.kind === "impossible") faults.push(...planned.reasons.map((text) => ({ about: "plan", text })));
  for (const name of lost) faults.push({ about: name, text: `${name} changed, and nobody here can bring it back` });
  if (!facts.alone)
    for (const { component, reason } of incompatibilities(to, from))
      faults.push({ about: component, text: `traffic cannot be contained on ${to.label}: ${reason}` });
  faults.push(...facts.faults);
  return {
    ready: faults.length === 0,
    checkedAt: facts.at,
    ...(facts.rollout === undefined ? {} : { rollout: facts.rollout }),
    from: named(from),
    to: named(to),
    ...(planned.kind === "planned" ? { plan: planned.plan, digest: planned.digest } : {}),
    faults,
    warnings: [...new Set(facts.warnings)],
    ...(facts.staged?.length ? { staged: facts.staged } : {}),
    price: priceOf(facts, planned, lost),
  };
}

/** What makes two answers the same to people: who would be undone, by which plan, and what is in the way. */
export function readinessKey({ ready, digest, faults, rollout }: WayBack): string {
  return JSON.stringify([ready, rollout, digest, [...new Set(faults.map(({ about }) => about))].sort()]);
}

function priceOf(
  { playbook, from, to, past, capacity }: WayBackFacts,
  planned: ReturnType<typeof planWayBack>["planned"],
  lost: readonly string[],
): Price {
  const plan = planned.kind === "planned" ? planned.plan : { steps: [] };
  // Between releases anything may be what somebody changes: each step may have work.
  const changed = componentSteps(plan).filter(
    ({ component, desired }) => from.id === to.id || from.revisions[component]?.digest !== desired,
  );
  const steps = priceSteps(changed, past);
  const restore = priceChain(plan, steps);
  const pivots = changed.filter(({ undo }) => undo === "pivot" || undo === "irreversible");
  return {
    ...(restore ? { restore } : {}),
    steps,
    verifyAtLeast: playbook.fixed.for,
    capacity,
    cannotBeUndone: [...lost, ...pivots.map(({ component }) => component)],
  };
}

function named({ id, label }: Release): NamedRelease {
  return { id, label };
}
