import type { Design } from "./design.ts";
import { stoppingBoundary, stoppingLaw, trialsOf } from "./stopping.ts";

/** A threshold that spends what Ville's inequality leaves over; its promise rests on an assumption, said in words. */
export interface Calibration {
  /** Compare ln of the plain mixture with it, in place of ln(1/alpha). */
  readonly logThreshold: number;
  /** The lifetime probability of a false alarm under the assumption, at most alpha. */
  readonly risk: number;
  readonly assumption: string;
}

export interface CalibrationRequest {
  readonly design: Design;
  /** The candidate's share of all observations. */
  readonly share: number;
  readonly alpha: number;
  /** How many trials a life has at most: bad outcomes of both arms, or observations where there is no reference. */
  readonly trials: number;
}

const STEPS = 14;

/**
 * The lowest threshold of a start-only test whose false-alarm probability, computed exactly, is at most alpha. It is an
 * option and never the default: unlike Ville's bound it needs what `assumption` says.
 * @throws RangeError for a design that cannot be walked exactly (`trialsOf`), an alpha outside (0, 1), or no trials.
 */
export function calibrate({ design, share, alpha, trials }: CalibrationRequest): Calibration {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha must lie in (0, 1), not ${alpha}.`);
  if (!(Number.isSafeInteger(trials) && trials > 0)) throw new RangeError(`Not a number of trials: ${trials}.`);
  const walk = trialsOf(design, share);
  const riskAt = (log: number) => stoppingLaw(stoppingBoundary(walk, log, trials), walk.nullRate).stopped;
  const ville = Math.log(1 / alpha);
  let [low, high, risk] = [ville - Math.min(1, ville / 2), ville, riskAt(ville)];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    const found = riskAt(middle);
    if (found <= alpha) [high, risk] = [middle, found];
    else low = middle;
  }
  const arms = design.null.ratio === 0 ? "" : ` and that every block has the candidate's share at ${share}`;
  const assumption = `Assumes independent outcomes${arms}, and at most ${trials} ${
    design.null.ratio === 0 ? "observations" : "bad outcomes of both arms"
  } in a life. Outcomes that come in bursts break it.`;
  return { logThreshold: high, risk, assumption };
}
