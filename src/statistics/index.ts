export { bucketOf, upperEdge } from "../core/cells.ts";
export {
  spreadOf,
  type ValueBlock,
  type ValueDesign,
  valueDesign,
  valueIncrements,
} from "./asymptotic-mean.ts";
export { binomialTail } from "./binomial.ts";
export type { Block, MarginNull } from "./block.ts";
export { type Calibration, type CalibrationRequest, calibrate } from "./calibration.ts";
export { attribute, combinationOf, combine } from "./combination.ts";
export {
  type Alternative,
  chooseForm,
  type Design,
  type DesignRequest,
  driftDesign,
  type Form,
  harmDesign,
  safetyDesign,
} from "./design.ts";
export {
  disparityEvidence,
  type GroupCounts,
  type Pair,
  pairBlocks,
  pairsOf,
  paritySafety,
  pointsApart,
  selectedAtLeast,
} from "./disparity.ts";
export {
  addDispersion,
  type Dispersion,
  type DispersionSums,
  dispersionOf,
  mergeDispersion,
  NO_DISPERSION,
} from "./dispersion.ts";
export {
  advanceCusum,
  advanceDrift,
  createRecentEvidence,
  driftAlarm,
  type RecentEvidence,
  type RecentRequest,
} from "./drift.ts";
export { type EvidenceLaw, evidenceLaw, type LawRequest } from "./evidence-law.ts";
export { type Increments, increments, incrementsOf } from "./increment.ts";
export { informationBound } from "./information-bound.ts";
export { type Interval, interval } from "./interval.ts";
export { compareDelays, type DelayBlock, type DelayComparison, type DelayRequest } from "./label-delay.ts";
export {
  createLateEvidence,
  GRAIN,
  type LateEvidence,
  planStarts,
  type StartDesign,
  type StartPlan,
} from "./late-evidence.ts";
export {
  type LinearEvidence,
  linearEvidence,
  linearMeanEvidence,
  linearValueEvidence,
  type ScoreSpread,
  tailExponent,
} from "./linear-evidence.ts";
export { createLogHistogram, type LogHistogram } from "./log-histogram.ts";
export {
  MEAN_EDGE,
  type MeanAlternative,
  type MeanDesign,
  type MeanRequest,
  meanDesign,
  meanIncrements,
  type ScoreBlock,
} from "./mean-betting.ts";
export { type ApproximateBound, meanDifferenceBound, normalMixtureBound, type ValueSums } from "./mean-sequence.ts";
export { NumberShelf } from "./number-shelf.ts";
export { type QuantileBounds, quantileBounds } from "./quantile.ts";
export {
  advance,
  logEvidence,
  logMixture,
  logSumExp,
  logWeightsOf,
  mixture,
  NOTHING,
  type RecursionState,
  type SpendingRequest,
  spending,
  startRecursion,
  type Weighed,
} from "./recursion.ts";
export { chanceStanding, type StandingRequest, standingAfter, turned, usualLength } from "./standing-law.ts";
export { type StoppingLaw, stoppingBoundary, stoppingLaw, successQuantile, type Trials, trialsOf } from "./stopping.ts";
export { countValue, emptyValues, mergeValues, summarise, type ValueCounts } from "./value-counts.ts";
export { type Bounds, firstAlarms, slidingAlarm, type WindowRule, windowAlarm } from "./window-rule.ts";
