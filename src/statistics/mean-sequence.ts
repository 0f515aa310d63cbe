/** Sums of one arm of a value without a bound; two of them add up. Winsorise at a declared cap where there is one. */
export interface ValueSums {
  readonly n: number;
  readonly sum: number;
  readonly squares: number;
}

/** A one-sided bound that holds at all times together, approximately. */
export interface ApproximateBound {
  /** Candidate's mean less the reference's. */
  readonly difference: number;
  /** The true difference is greater, at all times, with about the confidence asked for. */
  readonly lower: number;
  /** To be shown with every such bound. */
  readonly approximate: string;
  /** False while either arm has fewer than 1,000 units: then it must not decide anything. */
  readonly burnedIn: boolean;
}

const BURN_IN = 1000;

/**
 * Asymptotic confidence sequence for the difference of two means without bounds, such as raw revenue (Waudby-Smith, Arbour,
 * Sinha, Kennedy and Ramdas, Annals of Statistics 2024, one-sided form of proposition B.1, as GrowthBook uses it). It is no
 * e-process: its promise holds in the limit of many units with finite variance. Prefer a capped mean (`meanDesign`).
 * @param alpha in (0, 0.5)
 * @param tunedTo units of both arms together at which the bound is tightest
 * @throws RangeError for fewer than two units of an arm, or numbers outside
 */
export function meanDifferenceBound(
  candidate: ValueSums,
  reference: ValueSums,
  alpha: number,
  tunedTo = 5000,
): ApproximateBound {
  if (!(alpha > 0 && alpha < 0.5 && tunedTo > 0)) throw new RangeError(`alpha ${alpha} or ${tunedTo} units: outside.`);
  if (!(candidate.n >= 2 && reference.n >= 2)) throw new RangeError("A spread needs two units of each arm.");
  const n = candidate.n + reference.n;
  const difference = candidate.sum / candidate.n - reference.sum / reference.n;
  const spread = n * (variance(candidate) / candidate.n + variance(reference) / reference.n);
  const log = -2 * Math.log(2 * alpha);
  const rho2 = (log + Math.log1p(log)) / tunedTo;
  const grown = n * rho2 + 1;
  const half = Math.sqrt(((spread * 2 * grown) / (n * n * rho2)) * Math.log(1 + Math.sqrt(grown) / (2 * alpha)));
  return {
    difference,
    lower: difference - half,
    approximate: "approximate: holds for many units with a finite spread, not exactly",
    burnedIn: Math.min(candidate.n, reference.n) >= BURN_IN,
  };
}

function variance({ n, sum, squares }: ValueSums): number {
  return Math.max(0, (squares - (sum * sum) / n) / (n - 1));
}

/**
 * Two-sided bound for a sum of independent normal steps, valid at all intrinsic times `v` together: Robbins' normal mixture
 * (Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 2021), tightest at `tunedTo`.
 */
export function normalMixtureBound(v: number, alpha: number, tunedTo: number): number {
  const rho = mixtureWidth(alpha, tunedTo);
  return Math.sqrt((v + rho) * Math.log((v + rho) / (alpha * alpha * rho)));
}

/** The width of the mixture that makes the bound about least at `tunedTo`, in closed form. */
export function mixtureWidth(alpha: number, tunedTo: number): number {
  const log = -2 * Math.log(alpha);
  return tunedTo / (log + Math.log1p(log));
}
