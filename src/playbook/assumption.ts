import type { Playbook, Signal } from "../core/playbook.ts";
import { compileNull, formatLevel, formatPercent, levelOf, verbOf } from "./claim.ts";
import type { IncumbentRule } from "./import/draft.ts";

/** The rate of bad outcomes that the linter reckons with before there is data, and the sentence that says so. */
export interface Assumption {
  readonly badness: number;
  readonly says: string;
  /** The level that it is on the signal's own scale. */
  readonly level: string;
}

/** What people state instead, in badness and by the signal's name; the harm to a time is how much longer it takes. */
export interface Stated {
  readonly baselines?: ReadonlyMap<string, number>;
  readonly harms?: ReadonlyMap<string, number>;
  /** The rules that triggers took the place of, by the trigger's name. */
  readonly incumbents?: ReadonlyMap<string, IncumbentRule>;
}

/**
 * Assumed where the playbook says nothing: 5 % bad outcomes where fewer are better, 60 % good ones where more are; 5
 * occurrences for 100 of what a count is of; a mean in the middle of its scale.
 */
const ASSUMED_BAD = 0.05;
const ASSUMED_GOOD = 0.6;
const MIDDLE = 0.5;

/**
 * A playbook knows no baseline, so the linter assumes one: half of the strictest limit that a trigger or a criterion
 * sets for bad outcomes of the signal (who proves "below 0.8 %" is normally below it), else what is assumed in silence,
 * but never more than half of a hard limit. Of a mean half is half of the way from its best end.
 */
export function assumedBaseline(playbook: Playbook, signal: Signal, { baselines }: Stated = {}): Assumption {
  const stated = baselines?.get(signal.name);
  if (stated !== undefined) return assumption(stated, signal, " (as stated)");
  const own = Math.min(
    ...[...playbook.triggers, ...playbook.fixed.criteria].flatMap((claim) =>
      claim.signal === signal.name && "limit" in claim ? [compileNull(claim, signal).points / 2] : [],
    ),
  );
  // A hard limit of a count is about a whole rollout, and a run about no rate at all.
  const ceilings = playbook.hardLimits
    .filter((limit) => limit.signal === signal.name && signal.kind === "share" && limit.inARow === undefined)
    .map(({ limit }) => (signal.better === "down" ? limit : 1 - limit) / 2);
  const silent = silentBadness(signal);
  const badness = Number.isFinite(own) ? own : Math.min(silent, ...ceilings);
  const why = badness === silent ? "" : " (half way to the playbook's own limit)";
  return assumption(badness, signal, why);
}

function assumption(badness: number, signal: Signal, why: string): Assumption {
  const level = formatLevel(levelOf(badness, signal), signal);
  return { badness, says: `assuming that normally ${sayNormal(badness, signal)}${why}`, level };
}

function silentBadness({ kind, better }: Signal): number {
  if (kind === "mean") return MIDDLE;
  return kind === "count" || better === "down" ? ASSUMED_BAD : 1 - ASSUMED_GOOD;
}

function sayNormal(badness: number, signal: Signal): string {
  const level = levelOf(badness, signal);
  return signal.kind === "share"
    ? `${formatPercent(level)} of ${signal.of} are ${signal.part}`
    : `${signal.name} ${verbOf(signal)} ${formatLevel(level, signal)}`;
}
