import type { SeedResult } from "./run-seed.ts";
import type { Truth } from "./scenario.ts";

/** What many seeds came to, as plain sums: those of two halves add up to those of the whole. */
export interface Tally {
  readonly seeds: number;
  readonly violations: number;
  /** Ends by truth: `harmful harm: verified`. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly injected: Readonly<Record<string, number>>;
  /** Effects at targets that were accepted. */
  readonly effects: number;
  readonly healthy: ErrorsOf;
  readonly harmful: ErrorsOf;
}

export interface ErrorsOf {
  readonly worlds: number;
  readonly wrong: number;
}

const NONE: ErrorsOf = { worlds: 0, wrong: 0 };

export const NO_TALLY: Tally = {
  seeds: 0,
  violations: 0,
  outcomes: {},
  injected: {},
  effects: 0,
  healthy: NONE,
  harmful: NONE,
};

/** `statistics`: the truth was there to be found out, and not given. */
export function tallyOf({ truth, outcome, violations, injected, world }: SeedResult): Tally {
  const statistics = world.scenario.crowd === undefined;
  const wentBack = outcome.startsWith("harm") || outcome.startsWith("observed: would have");
  const of = (wanted: Truth, wrong: boolean): ErrorsOf =>
    statistics && truth === wanted ? { worlds: 1, wrong: wrong ? 1 : 0 } : NONE;
  return {
    seeds: 1,
    violations: violations.length,
    outcomes: { [statistics ? `${truth.padEnd(8)} ${outcome}` : outcome]: 1 },
    injected,
    effects: world.target.effects.filter(({ by }) => by === "request").length,
    healthy: of("healthy", wentBack),
    harmful: of("harmful", outcome === "promoted"),
  };
}

export function addTallies(a: Tally, b: Tally): Tally {
  const errors = (one: ErrorsOf, other: ErrorsOf): ErrorsOf => ({
    worlds: one.worlds + other.worlds,
    wrong: one.wrong + other.wrong,
  });
  return {
    seeds: a.seeds + b.seeds,
    violations: a.violations + b.violations,
    outcomes: addCounts(a.outcomes, b.outcomes),
    injected: addCounts(a.injected, b.injected),
    effects: a.effects + b.effects,
    healthy: errors(a.healthy, b.healthy),
    harmful: errors(a.harmful, b.harmful),
  };
}

type Counts = Readonly<Record<string, number>>;

function addCounts(a: Counts, b: Counts): Counts {
  const sums: Record<string, number> = { ...a };
  for (const [kind, times] of Object.entries(b)) sums[kind] = (sums[kind] ?? 0) + times;
  return sums;
}
