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
 * A playbook knows no baseline, so the linter assumes one: half of the strictest limit that the playbook itself sets
 * for bad outcomes of the signal (who proves "below 0.8 %" is normally below it), else 5 % bad or 60 % good.
 */
export function assumedBaseline(playbook: Playbook, signal: Signal): Assumption {
  const claims = [...playbook.triggers, ...playbook.fixed.criteria].filter(
    (claim) => claim.signal === signal.name && claim.kind !== "compare" && claim.kind !== "within",
  );
  const strictest = Math.min(...claims.map((claim) => compileNull(claim, signal).points));
  const whose = `of ${signal.of} ${signal.better === "down" ? "are" : "are not"} ${signal.part}`;
  if (Number.isFinite(strictest)) {
    return {
      badness: strictest / 2,
      says: `assuming that normally ${formatPercent(strictest / 2)} ${whose} (half the playbook's own limit)`,
    };
  }
  if (signal.better === "down") {
    return { badness: ASSUMED_BAD, says: `assuming that normally ${formatPercent(ASSUMED_BAD)} ${whose}` };
  }
  const says = `assuming that normally ${formatPercent(ASSUMED_GOOD)} of ${signal.of} are ${signal.part}`;
  return { badness: 1 - ASSUMED_GOOD, says };
}
