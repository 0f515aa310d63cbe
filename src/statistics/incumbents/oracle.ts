import type { MarginNull } from "../block.ts";
import { chooseForm, type Design, harmDesign } from "../design.ts";
import { increments } from "../increment.ts";
import type { OnlineJudge } from "./online-judge.ts";

export interface OracleRequest {
  readonly null: MarginNull;
  readonly alpha: number;
  /** The candidate's true bad rate after the fault, and stable's. Nobody knows the first of them beforehand. */
  readonly p1: number;
  readonly p0: number;
}

/**
 * Wald's sequential probability ratio test with the true alternative (Sequential Analysis, 1947), stable's rate unknown
 * under the null: the least that any test of this kind could need for a fault at the start.
 */
export function createOracle({ null: hypothesis, alpha, p1, p0 }: OracleRequest): OnlineJudge {
  const design = oracleDesign(hypothesis, p1, p0);
  const threshold = -Math.log(alpha);
  let log = 0;
  return {
    take(counts) {
      log += increments(design, counts)[0]!;
      return log >= threshold;
    },
  };
}

/** A design whose only alternative is the truth. */
export function oracleDesign(hypothesis: MarginNull, p1: number, p0: number): Design {
  const general = harmDesign({ form: chooseForm(p0, hypothesis), null: hypothesis, forecast: p0 });
  const effect = p1 / (hypothesis.ratio * p0 + hypothesis.points);
  return { ...general, alternatives: [{ effect, rate: p1, weight: 1, atMarks: 1, between: 1, calm: 1 }] };
}
