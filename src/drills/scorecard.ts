import { BETA } from "../control/judgement.ts";
import type { ErrorsOf, Tally } from "./tally.ts";

/** The false-alarm rate that every seeded playbook states. */
const ALPHA = 0.001;
/** Chance that honest statistics look broken in one scorecard. */
const SURPRISE = 1e-6;

/** What is broken: laws in single worlds, and promises that only hold over many. */
export function brokenIn(tally: Tally): number {
  return tally.violations + statistical(tally).length;
}

/** A tally for people: what went wrong, and how it ended. */
export function scorecard(tally: Tally): string {
  const { seeds, injected, outcomes, effects, healthy, harmful } = tally;
  const faults = Object.values(injected).reduce((sum, times) => sum + times, 0);
  return [
    `${seeds} seeds, ${faults} faults injected`,
    ...table(injected),
    "ends",
    ...table(outcomes),
    `effects at targets: ${effects}`,
    ...(healthy.worlds + harmful.worlds > 0
      ? [
          `rolled back although healthy: ${healthy.wrong} of ${healthy.worlds}; alpha ${ALPHA}`,
          `promoted although harmful: ${harmful.wrong} of ${harmful.worlds}; beta ${BETA}`,
        ]
      : []),
    ...statistical(tally),
    `violations: ${brokenIn(tally)}`,
    "",
  ].join("\n");
}

function statistical({ healthy, harmful }: Tally): readonly string[] {
  const far = ({ wrong, worlds }: ErrorsOf, probability: number) => surprising(wrong, worlds, probability);
  return [
    ...(far(healthy, ALPHA) ? ["healthy releases are rolled back more often than alpha"] : []),
    ...(far(harmful, BETA) ? ["harmful releases are promoted more often than beta"] : []),
  ];
}

function table(counts: Readonly<Record<string, number>>): readonly string[] {
  const rows = Object.entries(counts).filter(([, times]) => times > 0);
  return rows.sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, times]) => `  ${String(times).padStart(9)}  ${kind}`);
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
