import type { Criterion, Playbook, Signal } from "../core/playbook.ts";
import { informationBound } from "../statistics/information-bound.ts";
import { assumedBaseline } from "./assumption.ts";
import { type BadnessNull, compileNull } from "./claim.ts";

/** The spread of a value of which nothing is known but its scale: the variance of a uniform one on [0, 1]. */
const UNIFORM = 1 / 12;

/** A count is the limit of shares over ever smaller slices of an observation, each with one occurrence or none. */
const SLICES = 1e4;

/** The observations that prove a criterion, with `alpha` doubt and a long window of stable. */
export function reckonCriterion(playbook: Playbook, criterion: Criterion, signal: Signal, alpha: number) {
  const { ratio, points } = compileNull(criterion, signal);
  const { badness, says } = assumedBaseline(playbook, signal);
  const edge = ratio * badness + points;
  const assumes = `${says}${spreadOf(signal)}`;
  if (signal.kind === "mean") {
    const needs =
      edge > badness ? gaussianBound({ gap: edge - badness, variance: varianceAt(badness), alpha }) : Infinity;
    return { needs, assumes };
  }
  // Proving "good enough" is telling the true rate from the edge of the acceptable, seen from the other side.
  const size = signal.kind === "count" ? SLICES * Math.max(1, edge) : 1;
  const p1 = 1 - badness / size;
  const limit = 1 - Math.min(edge / size, 1);
  const needs = informationBound({ p1, p0: p1, share: 0, ratio: 0, points: limit, alpha }) / size;
  return { needs, assumes };
}

/**
 * The badness at some times the margin: that many times as far from the baseline as the null's edge is (for a limit:
 * that many times the limit); where it has a greatest value, never nearer to that than half way from the edge.
 */
export function harmOf(times: number, nothing: BadnessNull, baseline: number, signal: Signal): number {
  const edge = nothing.ratio * baseline + nothing.points;
  const harm = nothing.ratio === 0 ? times * edge : baseline + times * (edge - baseline);
  return signal.kind === "count" ? harm : Math.min(harm, (1 + Math.min(edge, 1)) / 2);
}

/** `2 ln(1/alpha) variance / gap^2`: what a Gaussian test of a mean needs, an approximation for any spread. */
export function gaussianBound({ gap, variance, alpha }: { gap: number; variance: number; alpha: number }): number {
  return gap > 0 ? (2 * Math.log(1 / alpha) * variance) / gap ** 2 : Number.POSITIVE_INFINITY;
}

/** On [0, 1] no value with this mean can spread more than to both ends. */
export function varianceAt(mean: number): number {
  return Math.min(UNIFORM, mean * (1 - mean));
}

function spreadOf({ kind }: Signal): string {
  return kind === "mean" ? ", spread as over the whole scale" : "";
}
