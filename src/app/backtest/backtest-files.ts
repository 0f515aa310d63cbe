import { readFileSync } from "node:fs";
import { type Backtest, backtest } from "../../control/backtest/backtest.ts";
import { createSampleTable } from "../../control/backtest/sample-table.ts";
import { RollbookError } from "../../core/errors.ts";
import { parsePlaybook } from "../../playbook/parse-playbook.ts";
import { settingsOf } from "../settings.ts";
import { readTime } from "./cell-values.ts";
import type { FileRead } from "./form.ts";
import { readData } from "./read-data.ts";

export type { Backtest } from "../../control/backtest/backtest.ts";
export type { Counted, SignalCost } from "../../control/backtest/counted.ts";
export type { ClaimReplay, Replay } from "../../control/backtest/replay.ts";
export type { FileRead } from "./form.ts";

export interface BacktestRequest {
  readonly playbook: string;
  readonly data: readonly string[];
  readonly candidate?: string | undefined;
  readonly stable?: string | undefined;
  readonly from?: string | undefined;
}

export interface BacktestAnswer extends Backtest {
  readonly files: readonly FileRead[];
  /** What one more bad outcome of a signal costs, as the playbook says. */
  readonly prices: Readonly<Record<string, { readonly amount: number; readonly currency: string }>>;
}

/** Replays recorded data through a playbook; everything is read and checked before anything is judged. */
export async function backtestFiles(request: BacktestRequest): Promise<BacktestAnswer> {
  const { playbook: file, data, candidate, stable, from } = request;
  const parsed = parsePlaybook(textOf(file), file);
  if (parsed.kind === "invalid") throw new RollbookError("PLAYBOOK_INVALID", { file, count: parsed.issues.length });
  const since = from === undefined ? undefined : readTime(from);
  if (since && "flaw" in since) throw new RollbookError("USAGE", { what: `--from: ${since.flaw}` });
  const { playbook } = parsed;
  const table = createSampleTable();
  const files = await readData(data, playbook, table);
  const pairs = files.flatMap(({ pairs = [] }) => pairs);
  const { patienceMs, blindMs } = settingsOf(playbook, "backtest");
  const answer = backtest(
    playbook,
    table,
    { horizon: patienceMs, blindMs },
    {
      ...(candidate === undefined ? {} : { candidate }),
      ...(stable === undefined ? {} : { stable }),
      ...(since ? { from: since.value } : {}),
      ...(pairs.length > 0 ? { pairs } : {}),
    },
  );
  const priced = playbook.triggers.flatMap(({ signal, costs }) => (costs ? [[signal, costs] as const] : []));
  return { ...answer, files, prices: Object.fromEntries(priced) };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
}
