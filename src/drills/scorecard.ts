import { BETA } from "../control/judgement.ts";
import type { SeedResult } from "./run-seed.ts";

/** Sums up many seeds: what went wrong, how it ended, and the promises that only hold over many worlds. */
export interface Scorecard {
  add(result: SeedResult): void;
  violations(): number;
  text(): string;
}

/** Chance that honest statistics look broken in one scorecard. */
const SURPRISE = 1e-6;

export function createScorecard(): Scorecard {
  const outcomes: Record<string, number> = {};
  const injected: Record<string, number> = {};
  const healthy = { worlds: 0, wrong: 0 };
  const harmful = { worlds: 0, wrong: 0 };
  let alpha = 0;
  let seeds = 0;
  let broken = 0;
  const count = (sums: Record<string, number>, kind: string, by = 1) => {
    sums[kind] = (sums[kind] ?? 0) + by;
  };
  const statistical = () => [
    ...(surprising(healthy.wrong, healthy.worlds, alpha)
      ? ["healthy releases are rolled back more often than alpha"]
      : []),
    ...(surprising(harmful.wrong, harmful.worlds, BETA) ? ["harmful releases are promoted more often than beta"] : []),
  ];
  return {
    add({ truth, outcome, violations, injected: faults, world }) {
      seeds += 1;
      broken += violations.length;
      alpha = world.system.playbook.falseAlarms;
      count(outcomes, `${truth.padEnd(8)} ${outcome}`);
      for (const [kind, times] of Object.entries(faults)) count(injected, kind, times);
      if (truth === "healthy") {
        healthy.worlds += 1;
        if (outcome.startsWith("harm") || outcome.startsWith("observed: would have")) healthy.wrong += 1;
      } else if (truth === "harmful") {
        harmful.worlds += 1;
        if (outcome === "promoted") harmful.wrong += 1;
      }
    },
    violations: () => broken + statistical().length,
    text() {
      const faults = Object.values(injected).reduce((sum, times) => sum + times, 0);
      return [
        `${seeds} seeds, ${faults} faults injected`,
        ...table(injected),
        "ends",
        ...table(outcomes),
        `rolled back although healthy: ${healthy.wrong} of ${healthy.worlds}; alpha ${alpha}`,
        `promoted although harmful: ${harmful.wrong} of ${harmful.worlds}; beta ${BETA}`,
        ...statistical(),
        `violations: ${broken + statistical().length}`,
        "",
      ].join("\n");
    },
  };
}

function table(counts: Readonly<Record<string, number>>): readonly string[] {
  const rows = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return rows.map(([kind, times]) => `  ${String(times).padStart(8)}  ${kind}`);
}

/** Would so many errors in so many worlds be next to impossible if each had at most this probability? */
export function surprising(errors: number, worlds: number, probability: number): boolean {
  let term = (1 - probability) ** worlds;
  let fewer = 0;
  for (let k = 0; k < errors; k++) {
    fewer += term;
    term *= ((worlds - k) / (k + 1)) * (probability / (1 - probability));
  }
  return 1 - fewer < SURPRISE;
}
