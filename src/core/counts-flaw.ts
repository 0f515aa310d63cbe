import { LAST_BUCKET, SCORE_PARTS, ZERO_CELL } from "./cells.ts";
import { isReportedLater, isUnbounded, type Signal } from "./playbook.ts";

/** Why these cannot be the counts of a block of the signal, as a `Sample` has them; undefined where they can. */
export function countsFlaw(signal: Signal, n: number, k: number, cells: unknown): string | undefined {
  const { name, kind, per, labels, better } = signal;
  if (kind === "mean" || kind === "time") {
    if (k !== 0) return `${name} is of values: its k is 0`;
    return cells === undefined ? `${name} is of values: its cells are missing` : cellsFlaw(signal, n, cells);
  }
  if (cells !== undefined) return `${name} is a ${kind} and has no cells`;
  // By unit, a later block may tell that one of before has turned bad; so may one of what is reported later.
  const turnsUp = (per !== undefined && better === "down") || (labels !== undefined && isReportedLater(signal));
  const isLess = k < 0 && !(per !== undefined && better === "up");
  return isLess || (kind === "share" && k > n && !turnsUp) ? `k is ${k} of n ${n}, which cannot be` : undefined;
}

function cellsFlaw(signal: Signal, n: number, cells: unknown): string | undefined {
  const { kind } = signal;
  if (!Array.isArray(cells)) return "cells is not a list of [cell, count]";
  const last = kind === "time" ? LAST_BUCKET : isUnbounded(signal) ? 2 * ZERO_CELL : SCORE_PARTS;
  let before = -1;
  let sum = 0;
  for (const pair of cells as readonly unknown[]) {
    const [cell, count] = (Array.isArray(pair) ? pair : []) as readonly unknown[];
    if (!isCount(cell) || cell > last) return `a cell of a ${kind} is a whole number from 0 to ${last}`;
    if (cell <= before) return "cells do not rise";
    if (kind === "time" ? !isCount(count) : !(Number.isFinite(count) && (count as number) >= 0))
      return `cell ${cell} has no count`;
    before = cell;
    sum += count as number;
  }
  return Math.abs(sum - n) > 1e-6 * Math.max(1, n) ? `cells add up to ${sum}, and n is ${n}` : undefined;
}

/** A whole number from 0. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
