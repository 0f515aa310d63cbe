import type { HardLimit, Playbook, Signal } from "../../core/playbook.ts";
import { assumedBaseline, type Stated } from "../assumption.ts";
import { claimOf, formatPercent, levelOf } from "../claim.ts";
import { expectedRuns } from "../lint-hard-limits.ts";
import { type RawThreshold, rawThresholdOf } from "./raw-threshold.ts";

/** What a hard limit costs in false alarms, beside the playbook's budget. */
export interface LimitPhysics {
  readonly name: string;
  readonly signal: string;
  readonly claim: string;
  readonly baseline: string;
  /** The harm that detection is reckoned with: twice the limit. */
  readonly harm: string;
  /** Of a share over a window; absent where the window never holds `min` answers at the first step's share. */
  readonly window?: RawThreshold;
  /** Of a run: how often it happens by chance in a release and in a day at the first step's share; at least the chance. */
  readonly run?: { readonly perRelease: number; readonly perDay: number };
}

/** Undefined where there is nothing to reckon: a count over the whole release, which is wrong as soon as it is reached. */
export function limitPhysics(
  playbook: Playbook,
  limit: HardLimit,
  signal: Signal,
  perSecond: number,
  stated: Stated = {},
): LimitPhysics | undefined {
  if (signal.kind !== "share") return undefined;
  const { how } = playbook;
  const { badness: p0, level } = assumedBaseline(playbook, signal, stated);
  const head = { name: limit.name, signal: signal.name, claim: claimOf(limit, signal), baseline: level };
  if (limit.inARow !== undefined) {
    const first = how.steps[0]! / 100;
    const served = how.steps.reduce((sum, step) => sum + (perSecond * how.each * step) / 100_000, 0);
    const runs = (n: number) => expectedRuns(n, p0, limit.inARow!);
    const run = { perRelease: runs(served), perDay: runs(perSecond * 86_400 * first) };
    return { ...head, harm: "every answer bad", run };
  }
  if (limit.over === undefined) return undefined;
  const line = signal.better === "down" ? limit.limit : 1 - limit.limit;
  const p1 = stated.harms?.get(signal.name) ?? Math.min(2 * line, (1 + line) / 2);
  const threshold = { line, over: limit.over, reached: limit.comparison.endsWith("=") };
  const window = rawThresholdOf(how, { p1, p0, chances: 1, maturity: 0 }, threshold, perSecond);
  const harm = `${formatPercent(levelOf(p1, signal))} ${signal.part}`;
  return { ...head, harm, ...(window && window.answers >= limit.min ? { window } : {}) };
}
