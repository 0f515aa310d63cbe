import type { FrozenWindow } from "../core/rollout.ts";
import { exactLowerBound, exactUpperBound } from "../statistics/exact-bound.ts";
import { badOf, type Rule } from "./rule.ts";

/** The least and, from 1, the greatest share that a line can be drawn at. */
const EDGE = 1e-9;

/**
 * A rule that compares with a frozen window in place of a concurrent reference. With probability 1 - `error` each way the
 * window's true bad share lies within its exact bounds, so proving harm against the line at its upper bound, or safety
 * against the line at its lower one, proves it against the window's true share with `error` added to the level.
 * Where the window saw nothing bad, or nothing at all, no line can be drawn for safety: it is never proved. Assumes that
 * stable would have gone on as in the window: nothing concurrent shows a common cause.
 */
export function againstFrozen(rule: Rule, frozen: readonly FrozenWindow[], error: number): Rule {
  const window = frozen.find(({ signal }) => signal === rule.signal.name) ?? { n: 0, k: 0 };
  const bad = badOf(rule, window);
  const line = (share: number) => {
    const points = rule.null.ratio * share + rule.null.points;
    return { ratio: 0, points: Math.min(Math.max(points, EDGE), 1 - EDGE) };
  };
  return {
    ...rule,
    null: line(exactLowerBound(window.n, bad, error)),
    harmNull: line(exactUpperBound(window.n, bad, error)),
  };
}
