import type { FrozenWindow } from "../core/rollout.ts";
import { exactLowerBound, exactUpperBound } from "../statistics/exact-bound.ts";
import { summarise } from "../statistics/index.ts";
import { badness } from "./hypothesis/mean.ts";
import { badOf, type MeanRule, type Rule, type ShareRule } from "./rule.ts";

/** The least and, from 1, the greatest share that a line can be drawn at. */
const EDGE = 1e-9;
/** More occurrences for each observation than this are never proved. */
const MOST_PER_OBSERVATION = 1e6;

/**
 * A rule that compares with a frozen window in place of a concurrent reference. With probability 1 - `error` each way the
 * window's true badness lies within its bounds, so proving harm against the line at its upper bound, or safety against the
 * line at its lower one, proves it against the window's true value with `error` added to the level.
 * Where the window saw nothing bad, or nothing at all, no line can be drawn for safety: it is never proved. Assumes that
 * stable would have gone on as in the window: nothing concurrent shows a common cause. Groups are compared with each other
 * and need no window.
 */
export function againstFrozen<R extends Rule>(rule: R, frozen: readonly FrozenWindow[], error: number): R {
  if (rule.test === "parity") return rule;
  if (rule.test === "time" || rule.test === "average") return { ...rule, alone: error };
  if (rule.null.ratio === 0) return rule;
  // Each segment has a window of its own.
  if (rule.inAny !== undefined) return { ...rule, alone: error };
  const window = frozen.find(({ signal }) => signal === rule.signal.name) ?? { signal: "", n: 0, k: 0 };
  const [low, high] = rule.test === "mean" ? meanBounds(rule, window, error) : shareBounds(rule, window, error);
  const { ratio, points } = rule.null;
  const most = rule.signal.kind === "count" ? MOST_PER_OBSERVATION : 1 - EDGE;
  const line = (value: number) => ({ ratio: 0, points: Math.min(Math.max(ratio * value + points, EDGE), most) });
  return { ...rule, null: line(low), harmNull: line(high) };
}

type Bounds = readonly [low: number, high: number];

/** Exact for shares (Clopper and Pearson 1934); of a count, by its chances, which is the Poisson law's in the limit. */
function shareBounds(rule: ShareRule, window: FrozenWindow, error: number): Bounds {
  const bad = badOf(rule, window);
  const chances = rule.signal.kind === "count" ? 1000 * Math.max(1, Math.ceil(bad / Math.max(1, window.n))) : 1;
  const n = window.n * chances;
  if (rule.signal.kind === "count" && n === 0) return [0, MOST_PER_OBSERVATION];
  return [chances * exactLowerBound(n, bad, error), chances * exactUpperBound(n, bad, error)];
}

/** For any bounded value (Hoeffding, J. Am. Stat. Assoc. 1963). */
function meanBounds({ signal }: MeanRule, window: FrozenWindow, error: number): Bounds {
  if (window.n === 0) return [0, 1];
  const { mean } = summarise(badness(signal, window.cells ?? []));
  const half = Math.sqrt(Math.log(1 / error) / (2 * window.n));
  return [Math.max(0, mean - half), Math.min(1, mean + half)];
}
