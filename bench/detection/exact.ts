import type { Design } from "../../src/statistics/index.ts";
import { informationBound } from "../../src/statistics/information-bound.ts";
import { planStarts, startShares } from "../../src/statistics/late-evidence.ts";
import { stoppingBoundary, stoppingLaw, trialsOf } from "../../src/statistics/stopping.ts";
import { calibratedThreshold, designOf } from "./ours.ts";
import { ALPHA, HEALTHY, HOUR } from "./worlds.ts";

const EFFECTS = [1.5, 1.75, 2, 2.6, 3, 4, 5, 6, 8, 10];
const TRIALS = 20_000;
const RARE = HEALTHY[0]!;

/** What dynamic programming says, without a simulation, of a test judged at every bad outcome. */
export interface Exact {
  readonly mode: string;
  /** Mean bad answers over the information bound, by effect. */
  readonly ratios: Readonly<Record<string, number>>;
  /** The chance of ever going back within `TRIALS` bad outcomes of both arms (about an hour) when both are as good. */
  readonly risk: number;
}

/** The start-only test at Ville's and at the calibrated threshold, and what the default is at least as quick as. */
export function exactModes(): readonly Exact[] {
  const design = designOf(RARE);
  const ville = -Math.log(ALPHA);
  const first = startShares(planStarts(HOUR))(0);
  return [
    lawAt("ours, start-only", design, ville),
    lawAt("ours, calibrated", design, calibratedThreshold(RARE)!),
    lawAt("ours, default, its first start alone", design, ville - Math.log(first)),
  ];
}

function lawAt(mode: string, design: Design, logThreshold: number): Exact {
  const { share, forecast: p0 } = RARE;
  const walk = trialsOf(design, share);
  const boundary = stoppingBoundary(walk, logThreshold, TRIALS);
  const u = share / (1 - share);
  const ratioAt = (effect: number) => {
    const bound = effect * p0 * informationBound({ p1: effect * p0, p0, share, ratio: 1, points: 0, alpha: ALPHA });
    return stoppingLaw(boundary, (u * effect) / (1 + u * effect)).meanSuccesses / bound;
  };
  return {
    mode,
    ratios: Object.fromEntries(EFFECTS.map((effect) => [`x${effect}`, ratioAt(effect)])),
    risk: stoppingLaw(boundary, walk.nullRate).stopped,
  };
}
