import { mannWhitney, rankSum } from "./mann-whitney.ts";
import { normalQuantile } from "./normal-quantile.ts";

/** What Kayenta's judge says of one metric. */
export type KayentaLabel = "pass" | "high" | "low" | "nodata" | "nodata-fail-metric" | "error";

/** One metric of a canary config, with the block `analysisConfigurations.canary`. */
export interface KayentaMetric {
  readonly name: string;
  readonly groups: readonly string[];
  /** What counts as a change; default "either". */
  readonly direction?: "increase" | "decrease" | "either";
  /** Missing values are removed, which is the default, or replaced by 0. */
  readonly nanStrategy?: "remove" | "replace";
  /** Remove what lies so many quartile ranges outside the quartiles; default: keep all. */
  readonly outlierFactor?: number;
  readonly critical?: boolean;
  readonly mustHaveData?: boolean;
  readonly muted?: boolean;
  readonly effectSize?: EffectSize;
}

/** How large a proven change must be to count: of the means' ratio, or of the chance that a canary value is larger. */
export interface EffectSize {
  readonly measure?: "meanRatio" | "cles";
  readonly allowedIncrease?: number;
  readonly allowedDecrease?: number;
  readonly criticalIncrease?: number;
  readonly criticalDecrease?: number;
}

/** The values of both arms, one a step; NaN where there is none. */
export interface KayentaSeries {
  readonly control: readonly number[];
  readonly experiment: readonly number[];
}

/** The test behind a label. NetflixACAJudge always takes the defaults; only Kayenta's own test suite takes others. */
export interface KayentaTest {
  readonly confidence: number;
  /** What share of the estimate itself the interval must clear. */
  readonly tolerance: number;
}

export interface KayentaClassification {
  readonly label: KayentaLabel;
  readonly critical: boolean;
  /** The ratio of the means; NaN where one is 0; 1 where nothing was compared. */
  readonly deviation: number;
}

const NETFLIX: KayentaTest = { confidence: 0.98, tolerance: 0.25 };
const ALIKE: KayentaClassification = { label: "pass", critical: false, deviation: 1 };

/**
 * Kayenta's label for one metric, as NetflixACAJudge-v1.0 gives it (spinnaker/kayenta a69573be, Apache-2.0; semantics
 * only, no code is copied). For comparison and migration only: no verdict of Rollbook comes from here.
 *
 * A classification that throws becomes "error", as there. Kayenta adds random noise where each arm is constant; here the
 * noise is the same law's quantiles, so that the same values always give the same label.
 */
export function classifyKayenta(
  metric: KayentaMetric,
  series: KayentaSeries,
  settings: KayentaTest = NETFLIX,
): KayentaClassification {
  const experiment = prepared(series.experiment, metric);
  const control = prepared(series.control, metric);
  const critical = metric.critical ?? false;
  if (experiment.length === 0 || control.length === 0) return withoutData(metric, critical);
  if (sameValues(experiment, control) || new Set([...experiment, ...control]).size === 1) return ALIKE;
  try {
    return compared(metric, { experiment, control }, settings);
  } catch (error) {
    if (error instanceof RangeError) return { label: "error", critical: false, deviation: Number.NaN };
    throw error;
  }
}

function withoutData(metric: KayentaMetric, critical: boolean): KayentaClassification {
  if (metric.nanStrategy === "replace") return ALIKE;
  if (metric.mustHaveData && !critical) return { label: "nodata-fail-metric", critical: false, deviation: 1 };
  return { label: "nodata", critical, deviation: 1 };
}

function compared(metric: KayentaMetric, series: KayentaSeries, settings: KayentaTest): KayentaClassification {
  const constant = new Set(series.experiment).size === 1 && new Set(series.control).size === 1;
  const experiment = constant ? blurred(series.experiment) : series.experiment;
  const control = constant ? blurred(series.control) : series.control;
  const shift = mannWhitney(experiment, control, settings.confidence);
  const bound = settings.tolerance * Math.abs(shift.estimate);
  const { measure = "meanRatio", ...limits } = metric.effectSize ?? {};
  const deviation = meanRatio(control, experiment);
  const effect = measure === "cles" ? chanceOfLarger(control, experiment) : deviation;
  const none = measure === "cles" ? 0.5 : 1;
  const direction = metric.direction ?? "either";
  // An effect size that cannot be computed is no objection.
  const above = (limit = none): boolean => !(effect < limit);
  const below = (limit = none): boolean => !(effect > limit);
  if (direction !== "decrease" && shift.low > bound && above(limits.allowedIncrease)) {
    return { label: "high", critical: Boolean(metric.critical) && above(limits.criticalIncrease), deviation };
  }
  if (direction !== "increase" && shift.high < -bound && below(limits.allowedDecrease)) {
    return { label: "low", critical: Boolean(metric.critical) && below(limits.criticalDecrease), deviation };
  }
  return { label: "pass", critical: false, deviation };
}

/** Missing values out or 0, then outliers out. */
function prepared(values: readonly number[], metric: KayentaMetric): readonly number[] {
  const present =
    metric.nanStrategy === "replace"
      ? values.map((value) => (Number.isNaN(value) ? 0 : value))
      : values.filter((value) => !Number.isNaN(value));
  return metric.outlierFactor === undefined ? present : withoutOutliers(present, metric.outlierFactor);
}

/** Kayenta's outlier removal: beyond `factor` quartile ranges from the quartiles, and never inside the middle 98 %. */
export function withoutOutliers(values: readonly number[], factor: number): readonly number[] {
  const range = percentile(values, 75) - percentile(values, 25);
  const low = Math.min(percentile(values, 1), percentile(values, 25) - factor * range);
  const high = Math.max(percentile(values, 99), percentile(values, 75) + factor * range);
  return values.filter((value) => value >= low && value <= high);
}

/** The percentile between the ranks around it, by straight line (Hyndman and Fan's type 7, R's default). */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = ((sorted.length - 1) * percent) / 100;
  const low = sorted[Math.floor(rank)] ?? Number.NaN;
  return low + (rank % 1) * ((sorted[Math.ceil(rank)] ?? Number.NaN) - low);
}

/** Mean of the canary by mean of the baseline; NaN where either is 0, as in Kayenta. */
export function meanRatio(control: readonly number[], experiment: readonly number[]): number {
  const ratio = mean(experiment) / mean(control);
  return ratio === 0 || !Number.isFinite(ratio) ? Number.NaN : ratio;
}

/** The chance that a value of the canary is larger than one of the baseline, ties by half (Vargha and Delaney, 2000). */
export function chanceOfLarger(control: readonly number[], experiment: readonly number[]): number {
  const m = experiment.length;
  return (2 * rankSum(experiment, control).sum - m * (m + 1)) / (2 * m * control.length);
}

/** Spread by a hundred-thousandth of the value, where there is no spread at all. */
function blurred(values: readonly number[]): readonly number[] {
  return values.map((value, at) => value + 1e-5 * value * normalQuantile((at + 0.5) / values.length));
}

function sameValues(a: readonly number[], b: readonly number[]): boolean {
  const [first, second] = [a, b].map((values) => values.toSorted((left, right) => left - right).join());
  return first === second;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
