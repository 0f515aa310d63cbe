import { createArgoAnalysis } from "../../src/statistics/incumbents/argo-analysis.ts";
import { createFlaggerAnalysis } from "../../src/statistics/incumbents/flagger.ts";
import { createGrowthBookSequence } from "../../src/statistics/incumbents/growth-book.ts";
import { createKayentaAnalysis } from "../../src/statistics/incumbents/kayenta-analysis.ts";
import { createMultinomialTest } from "../../src/statistics/incumbents/multinomial.ts";
import type { OnlineJudge } from "../../src/statistics/incumbents/online-judge.ts";
import { createOracle } from "../../src/statistics/incumbents/oracle.ts";
import { createRepeatedZTest } from "../../src/statistics/incumbents/repeated-z.ts";
import { createSlidingThreshold, createTumblingThreshold } from "../../src/statistics/incumbents/threshold.ts";
import { calibratedThreshold, createDefault, createDrift, createStartOnly } from "./ours.ts";
import { ALPHA, type Course, type World } from "./worlds.ts";

export interface Method {
  readonly name: string;
  /** Decides between whole seconds too, so that it needs the fine ticks. */
  readonly fine: boolean;
  /** So slow that it judges a tenth of the healthy rollouts. */
  readonly slow?: boolean;
  /** Undefined where it has no answer to such a question. */
  readonly open: (world: World, course: Course) => OnlineJudge | undefined;
}

export const OURS: readonly Method[] = [
  { name: "ours, default", fine: true, open: (world) => createDefault(world) },
  { name: "ours, start-only", fine: true, open: (world) => createStartOnly(world) },
  {
    name: "ours, calibrated",
    fine: true,
    open: (world) => {
      const threshold = calibratedThreshold(world);
      return threshold === undefined ? undefined : createStartOnly(world, threshold);
    },
  },
  { name: "ours, drift", fine: true, open: (world) => createDrift(world) },
];

const P05 = 1.6448536269514722;
const P001 = 3.090232306167813;

export const INCUMBENTS: readonly Method[] = [
  {
    name: "threshold 30 s, sliding",
    fine: false,
    open: ({ limit }) => createSlidingThreshold({ limit, window: 30 }),
  },
  {
    name: "threshold 30 s, tumbling",
    fine: false,
    open: ({ limit }) => createTumblingThreshold({ limit, window: 30 }),
  },
  { name: "z-test, 60 s, p < .05", fine: false, open: () => createRepeatedZTest({ every: 60, deviations: P05 }) },
  { name: "z-test, 10 s, p < .001", fine: false, open: () => createRepeatedZTest({ every: 10, deviations: P001 }) },
  ...[0, 3].map((failureLimit) => ({
    name: `Argo, failureLimit ${failureLimit}`,
    fine: false,
    open: ({ limit }: World) => createArgoAnalysis({ interval: 60, failureLimit, limit }),
  })),
  {
    name: "Kayenta, each minute",
    fine: false,
    slow: true,
    open: () => createKayentaAnalysis({ step: 60, lookback: 60 }),
  },
  {
    name: "Flagger, threshold 1",
    fine: false,
    open: ({ limit }) => createFlaggerAnalysis({ interval: 60, threshold: 1, limit }),
  },
  {
    name: "Flagger, threshold 5",
    fine: false,
    open: ({ limit }) => createFlaggerAnalysis({ interval: 60, threshold: 5, limit }),
  },
  {
    name: "GrowthBook, each second",
    fine: false,
    open: () => createGrowthBookSequence({ alpha: ALPHA, every: 1 }),
  },
  {
    name: "multinomial, k = 100",
    fine: true,
    open: ({ null: { ratio, points } }, { share }) =>
      ratio === 1 && points === 0
        ? createMultinomialTest({ alpha: ALPHA, share: (at) => share(at - 1e-3) })
        : undefined,
  },
];

/** Wald's test that knows the fault. */
export function oracle(p1: number, p0: number): Method {
  return {
    name: "oracle SPRT",
    fine: true,
    open: ({ null: hypothesis }) => createOracle({ null: hypothesis, alpha: ALPHA, p1, p0 }),
  };
}
