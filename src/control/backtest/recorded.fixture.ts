import assert from "node:assert/strict";
import type { Playbook } from "../../core/playbook.ts";
import type { Random } from "../../core/ports.ts";
import { parsePlaybook } from "../../playbook/parse-playbook.ts";
import { drawBinomial } from "../../simulation/draws.ts";
import { type Backtest, backtest } from "./backtest.ts";
import { createSampleTable, type RecordedCounts, type SampleTable } from "./sample-table.ts";
import type { TrialChoice } from "./trials.ts";

export const START = 1_790_000_000_000;
export const CADENCE = { horizon: 3_600_000, blindMs: 60_000 };

const TEXT = `rollbook: v1
system: search
owner: search-team
risk: medium
authority: observe
traffic: 100 requests/s
what:
  model: { at: http://llm/components/model, undo: redeploy }
  route: gateway://search
signals:
  errors: { share: failed, of: requests, from: events, better: down }
  clicks: { share: clicked, of: shown, from: events, better: up }
when:
  more-errors: { errors: rises, by: 50%, costs: 2 EUR }
  fewer-clicks: { clicks: falls, by: 20% }
  meltdown: { hard: errors > 20%, over: 10s, min: 50 }
false-alarms: 1 in 1000 releases
how:
  release: { canary: [5, 25, 50, 95], each: 1m, holdback: 5% }
  contain: stable
  within: 60s
fixed:
  errors: { below: 1.5% }
  for: 5m
who:
  now: [page://dashboard]
`;

/** A playbook of two triggers and a hard limit. */
export function aPlaybook(change: (text: string) => string = (text) => text): Playbook {
  const parsed = parsePlaybook(change(TEXT), "search.yaml");
  assert.ok(parsed.kind !== "invalid", JSON.stringify(parsed));
  return parsed.playbook;
}

export interface Served {
  readonly release: string;
  readonly signal?: string;
  readonly from: number;
  readonly to: number;
  readonly n: number;
  /** The share of `part`, second by second. */
  readonly share: (second: number) => number;
}

/** Rows of a release, one for each second from `from` to before `to`. */
export function rowsOf(random: Random, { release, signal = "errors", from, to, n, share }: Served): RecordedCounts[] {
  return Array.from({ length: to - from }, (_, index) => {
    const second = from + index;
    const k = drawBinomial(random, n, share(second));
    return { at: START + 1000 * second, release, signal, n, k, line: index + 2 };
  });
}

export function tableOf(rows: readonly RecordedCounts[], file = { name: "data.csv" }): SampleTable {
  const table = createSampleTable();
  table.open(file);
  for (const row of rows) table.add(row);
  return table;
}

export function backtestOf(
  rows: readonly RecordedCounts[],
  choice: TrialChoice = {},
  playbook = aPlaybook(),
): Backtest {
  return backtest(playbook, tableOf(rows), CADENCE, choice);
}
