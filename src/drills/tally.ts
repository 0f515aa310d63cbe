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

export function sumOfTallies(tallies: readonly Tally[]): Tally {
  const total = (of: (tally: Tally) => number) => tallies.reduce((sum, tally) => sum + of(tally), 0);
  const errors = (of: (tally: Tally) => ErrorsOf): ErrorsOf => ({
    worlds: total((tally) => of(tally).worlds),
    wrong: total((tally) => of(tally).wrong),
  });
  return {
    seeds: total(({ seeds }) => seeds),
    violations: total(({ violations }) => violations),
    outcomes: sumOfCounts(tallies.map(({ outcomes }) => outcomes)),
    injected: sumOfCounts(tallies.map(({ injected }) => injected)),
    effects: total(({ effects }) => effects),
    healthy: errors(({ healthy }) => healthy),
    harmful: errors(({ harmful }) => harmful),
  };
}

type Counts = Readonly<Record<string, number>>;

function sumOfCounts(counts: readonly Counts[]): Counts {
  const sums: Record<string, number> = {};
  for (const one of counts) for (const kind of Object.keys(one)) sums[kind] = (sums[kind] ?? 0) + one[kind]!;
  return sums;
}
