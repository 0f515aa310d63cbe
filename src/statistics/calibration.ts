import type { Design } from "./design.ts";
import { logAfter, stoppingBoundary, stoppingLaw, trialsOf } from "./stopping.ts";

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
  /** How many trials are walked: bad outcomes of both arms, or observations where there is no reference. Else enough. */
  readonly trials?: number;
}

const STEPS = 13;
/** So many successes are walked to, on average: more only sharpen the bound of what comes after. Fewer in long walks. */
const SUCCESSES = 400;
const FEW = 100;
const LONG = 5000;
/** What was asked before: a walk takes some tenths of a second, and a linter asks for the same one often. */
const known = new Map<string, Calibration>();
const MOST_KNOWN = 64;

/**
 * The lowest threshold of a start-only test whose false-alarm probability, computed exactly, is at most alpha. What may come
 * after the trials that are walked is bounded, by Ville's inequality from where each walk has got to, and counted in, so
 * that it holds for a life of any length. It is an option and never the default: it needs what `assumption` says.
 * @throws RangeError for a design that cannot be walked exactly (`trialsOf`), an alpha outside (0, 1), or no trials.
 */
export function calibrate(request: CalibrationRequest): Calibration {
  const key = JSON.stringify(request);
  const found = known.get(key) ?? walked(request);
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(key, found);
  return found;
}

function walked({ design, share, alpha, trials }: CalibrationRequest): Calibration {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha must lie in (0, 1), not ${alpha}.`);
  const walk = trialsOf(design, share);
  const most = trials ?? Math.ceil(Math.min(SUCCESSES / walk.nullRate, Math.max(LONG, FEW / walk.nullRate)));
  if (!(Number.isSafeInteger(most) && most > 0)) throw new RangeError(`Not a number of trials: ${most}.`);
  const riskAt = (log: number) => {
    const law = stoppingLaw(stoppingBoundary(walk, log, most), walk.nullRate);
    let later = 0;
    for (let k = 0; k < law.going.length; k++)
      if (law.going[k]! > 0) later += law.going[k]! * Math.exp(Math.min(0, logAfter(walk, most, k) - log));
    return law.stopped + later;
  };
  const ville = Math.log(1 / alpha);
  let [low, high, risk] = [ville - Math.min(1, ville / 2), ville, riskAt(ville)];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    const found = riskAt(middle);
    if (found <= alpha) [high, risk] = [middle, found];
    else low = middle;
  }
  const split =
    design.null.ratio === 0 ? "" : `, ${Number((100 * share).toPrecision(4))} % of them the candidate's at any time`;
  const assumption = `assumes independent outcomes${split}, judged at each; bursts break it`;
  return { logThreshold: high, risk, assumption };
}
