import type { Step } from "../core/plan.ts";
import type { ComponentName } from "../core/release.ts";
import type { Milliseconds } from "../core/time.ts";
import { type PastSteps, priceSteps } from "./price.ts";
import { RANK } from "./step-classes.ts";

/**
 * The same steps in the order in which they begin: what waits for nothing before what waits for it, so readers, which serve
 * users, come before what they read on the way back; then what changes before what is only checked; then by class, what
 * can be taken back before points of no return; then what was quick in the past before what was slow or is unknown; then as
 * the playbook has it. Steps without a tie still run side by side: nothing waits for its place in this order. Pure.
 */
export function inStartOrder(
  steps: readonly Step[],
  changes: (component: ComponentName) => boolean,
  past: readonly PastSteps[],
): readonly Step[] {
  const waves = new Map<string, number>();
  const waveOf = ({ id, after }: Step): number => {
    const known = waves.get(id);
    if (known !== undefined) return known;
    const earlier = steps.filter((other) => after.includes(other.id)).map(waveOf);
    const wave = 1 + Math.max(-1, ...earlier);
    waves.set(id, wave);
    return wave;
  };
  const took = new Map(priceSteps(steps, past).map(({ component, took }) => [component, took?.median]));
  const keyed = steps.map((step, index) => {
    const { component, undo } = step;
    const unchanged = changes(component) ? 0 : 1;
    return { step, key: [waveOf(step), unchanged, RANK[undo], slowness(took.get(component)), index] };
  });
  return keyed.toSorted((one, other) => compare(one.key, other.key)).map(({ step }) => step);
}

/** Tens of seconds differ, a few milliseconds do not: a plan keeps its order, and so its digest, from run to run. */
function slowness(median: Milliseconds | undefined): number {
  return median === undefined ? Number.POSITIVE_INFINITY : Math.ceil(Math.log10(Math.max(1000, median)));
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((value, index) => value !== other[index]);
  return at < 0 ? 0 : one[at]! < other[at]! ? -1 : 1;
}
