import { patterns } from "../patterns.ts";
import type { ValueSpec } from "./key-spec.ts";

const text = (pattern: string, number?: { from: number; to: number }): ValueSpec => ({
  kind: "text",
  pattern,
  ...(number ? { number } : {}),
});

/** The kinds of value that keys take. */
export const name: ValueSpec = { kind: "name" };
export const address: ValueSpec = { kind: "address" };
export const flag: ValueSpec = { kind: "flag" };
export const span = text(patterns.span);
export const percent = text(patterns.percent);
export const margin = text(patterns.margin);
export const amount = text(patterns.number, { from: -1e15, to: 1e15 });
export const traffic = text(patterns.traffic);
export const odds = text(patterns.odds);
export const condition = text(patterns.condition);
export const run = text(patterns.run);
export const money = text(patterns.money);
export const quantile = text(patterns.quantile);
export const unanswered = text(patterns.unanswered);
export const holdback = text(patterns.holdback);
export const step = text(patterns.step, { from: 0, to: 100 });
export const whole = (from: number, to: number): ValueSpec => text(patterns.whole, { from, to });
export const words = (...choice: readonly string[]): ValueSpec => ({ kind: "words", words: choice });
export const block = (block: string): ValueSpec => ({ kind: "block", block });
export const list = (of: ValueSpec, least: number, most: number): ValueSpec => ({ kind: "list", of, least, most });
export const either = (...of: readonly ValueSpec[]): ValueSpec => ({ kind: "either", of });
