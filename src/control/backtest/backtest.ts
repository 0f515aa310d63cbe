import type { Playbook } from "../../core/playbook.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { type Cadence, type Replay, replay } from "./replay.ts";
import type { SampleTable } from "./sample-table.ts";
import { type TrialChoice, trialsOf } from "./trials.ts";

/** What a playbook would have done with recorded releases. */
export interface Backtest {
  readonly system: string;
  /** Of the recording: how many rows, of which span of time, and how finely it is known. */
  readonly recording: {
    readonly rows: number;
    readonly repeated: number;
    readonly from: Instant;
    readonly to: Instant;
    readonly grain: Milliseconds;
  };
  readonly falseAlarms: number;
  /** Faults are expected to begin within this time after the exposure: a rollout's patience, and its holdback. */
  readonly horizon: Milliseconds;
  readonly releases: number;
  readonly wouldHaveRolledBack: number;
  readonly replays: readonly Replay[];
  /** Triggers and hard limits of whose signals the recording holds nothing. */
  readonly withoutData: readonly string[];
}

/**
 * Replays every candidate of a recording, oldest first. Pure: the same rows, in whatever order and whichever files, and
 * the same playbook give the same answer bit for bit.
 * @throws DATA_INVALID, DATA_UNCLEAR
 */
export function backtest(playbook: Playbook, table: SampleTable, cadence: Cadence, choice: TrialChoice = {}): Backtest {
  const arrivals = table.arrivals();
  const trials = trialsOf(arrivals, choice).toSorted((a, b) => a.from - b.from);
  const replays = trials.map((trial) => replay(playbook, arrivals, trial, cadence));
  const seen = new Set(arrivals.signals);
  return {
    system: playbook.system,
    recording: {
      rows: table.rows,
      repeated: arrivals.repeated,
      from: Math.min(...arrivals.releases.map(({ since }) => since)),
      to: Math.max(...arrivals.releases.map(({ last }) => last)) + 1000,
      grain: arrivals.grain,
    },
    falseAlarms: playbook.falseAlarms,
    horizon: cadence.horizon + (playbook.how.holdbackFor ?? 0),
    releases: replays.length,
    wouldHaveRolledBack: replays.filter(({ harm }) => harm).length,
    replays,
    withoutData: [...playbook.triggers, ...playbook.hardLimits]
      .filter(({ signal }) => !seen.has(signal))
      .map(({ name }) => name),
  };
}
