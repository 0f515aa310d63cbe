import type { Plan, Step } from "../core/plan.ts";
import type { Milliseconds } from "../core/time.ts";
import type { Spread, StepPrice } from "../core/way-back.ts";

/** Past durations of one component's steps, and behind which adapter it lives. */
export interface PastSteps {
  readonly component: string;
  readonly adapter: string;
  readonly tookMs: readonly Milliseconds[];
}

/** Nearest ranks; undefined of nothing. */
export function spreadOf(tookMs: readonly Milliseconds[]): Spread | undefined {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const n = sorted.length;
  const at = (quantile: number) => sorted[Math.max(0, Math.ceil(quantile * n) - 1)]!;
  return n === 0 ? undefined : { median: at(0.5), p90: at(0.9), n };
}

/**
 * What each step that changes something took in the past: its own times, or those of other components behind the same
 * adapter where it has none.
 */
export function priceSteps(steps: readonly Step[], past: readonly PastSteps[]): readonly StepPrice[] {
  return steps.map(({ component }): StepPrice => {
    const own = past.find((one) => one.component === component);
    const took = spreadOf(own?.tookMs ?? []);
    if (took) return { component, took };
    const alike = past.filter(({ adapter }) => adapter === own?.adapter).flatMap(({ tookMs }) => tookMs);
    const borrowed = spreadOf(alike);
    return borrowed ? { component, took: borrowed, borrowed: true } : { component };
  });
}

/**
 * The longest chain of steps that wait for each other. Sums of medians are near the median of the sum; sums of 90th
 * percentiles are above the 90th percentile of the sum, so that one is an upper bound. `n` is that of the rarest step.
 * Undefined while a step that changes something has no past run.
 */
export function priceChain(plan: Pick<Plan, "steps">, prices: readonly StepPrice[]): Spread | undefined {
  if (prices.length === 0 || prices.some(({ took }) => took === undefined)) return undefined;
  const known = new Map(prices.map(({ component, took }) => [component, took!]));
  const longest = (pick: (spread: Spread) => Milliseconds): Milliseconds => {
    const ends = new Map<string, Milliseconds>();
    const endOf = (step: Step): Milliseconds => {
      const found = ends.get(step.id);
      if (found !== undefined) return found;
      const own = step.kind === undefined ? known.get(step.component) : undefined;
      const before = plan.steps.filter(({ id }) => step.after.includes(id)).map(endOf);
      const end = Math.max(0, ...before) + (own ? pick(own) : 0);
      ends.set(step.id, end);
      return end;
    };
    return Math.max(...plan.steps.map(endOf));
  };
  const n = Math.min(...[...known.values()].map((spread) => spread.n));
  return { median: longest(({ median }) => median), p90: longest(({ p90 }) => p90), n };
}
