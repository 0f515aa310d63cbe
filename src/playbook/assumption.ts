import type { Playbook, Signal } from "../core/playbook.ts";
import { compileNull, formatPercent } from "./claim.ts";

/** The rate of bad outcomes that the linter reckons with before there is data, and the sentence that says so. */
export interface Assumption {
  readonly badness: number;
  readonly says: string;
}

/** Assumed where the playbook says nothing: 5 % bad outcomes where fewer are better, 60 % good ones where more are. */
const ASSUMED_BAD = 0.05;
const ASSUMED_GOOD = 0.6;

/**
 * A playbook knows no baseline, so the linter assumes one: half of the strictest limit that a trigger or a criterion
 * sets for bad outcomes of the signal (who proves "below 0.8 %" is normally below it), else 5 % bad or 60 % good, but
 * never more than half of a hard limit.
 */
export function assumedBaseline(playbook: Playbook, signal: Signal): Assumption {
  const claims = [...playbook.triggers, ...playbook.fixed.criteria].filter(
    (claim) => claim.signal === signal.name && claim.kind !== "compare" && claim.kind !== "within",
  );
  const hard = playbook.hardLimits.filter((limit) => limit.signal === signal.name).map((limit) => limit.limit);
  const silent = signal.better === "down" ? ASSUMED_BAD : 1 - ASSUMED_GOOD;
  const ceilings = hard.map((limit) => (signal.better === "down" ? limit : 1 - limit) / 2);
  const own = Math.min(...claims.map((claim) => compileNull(claim, signal).points)) / 2;
  const badness = Number.isFinite(own) ? own : Math.min(silent, ...ceilings);
  const rate = `${formatPercent(signal.better === "down" ? badness : 1 - badness)} of ${signal.of} are ${signal.part}`;
  const why = badness === silent ? "" : " (half way to the playbook's own limit)";
  return { badness, says: `assuming that normally ${rate}${why}` };
}
