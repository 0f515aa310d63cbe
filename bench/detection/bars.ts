import { exactLowerBound } from "../../src/statistics/exact-bound.ts";
import type { Bar } from "../result.ts";
import type { DriftFigures } from "./drift-delay.ts";
import type { Exact } from "./exact.ts";
import type { FalseAlarms } from "./healthy.ts";
import type { Replay } from "./recorded.ts";
import type { Summary } from "./summary.ts";
import { ALPHA, HARMS, HEALTHY } from "./worlds.ts";

/** Everything that was found, in the order of the worlds. */
export interface Bars {
  readonly summaries: readonly Summary[];
  readonly falseAlarms: readonly FalseAlarms[];
  readonly exact: readonly Exact[];
  readonly cohorts: Readonly<Record<string, number>>;
  readonly ten: Readonly<Record<string, number>>;
  readonly drift: DriftFigures;
  readonly replays: readonly Replay[];
}

const OURS = "ours, default";
const worst = (ratios: Readonly<Record<string, number>>) => Math.max(...Object.values(ratios));

/** The bars of the design, and what was measured. */
export function barsOf(found: Bars): readonly Bar[] {
  return [...exactBars(found), ...lateBars(found), ...otherBars(found), ...falseAlarmBars(found)];
}

function exactBars({ exact, summaries }: Bars): readonly Bar[] {
  const [start, calibrated, first] = exact as readonly [Exact, Exact, Exact];
  const starts = HARMS.filter((world) => world.fault === "start" && world.forecast < 0.1).map(({ name }) => name);
  const ticks = summaries.filter(({ method, world }) => method === OURS && starts.includes(world));
  return [
    {
      what: "default, fault at the start, x1.5 to 10, every answer",
      bar: 1.3,
      measured: worst(first.ratios),
      note: "exact, from above: later starts left out",
    },
    {
      what: "default, fault at the start, x2.6, 4, 10, ticks of 20 ms",
      bar: 1.3,
      measured: Math.max(...ticks.map(({ ratio }) => ratio)),
      note: `simulated, ± ${Math.max(...ticks.map((one) => one.error / one.bound)).toFixed(2)}`,
    },
    { what: "start-only, x1.5 to 10, every answer", bar: 1.22, measured: worst(start.ratios), note: "exact" },
    { what: "calibrated, x1.5 to 10, every answer", bar: 1.17, measured: worst(calibrated.ratios), note: "exact" },
  ];
}

const LATE_BARS: Readonly<Record<number, number>> = { 0.013: 2, 0.02: 2, 0.05: 2.3 };

function lateBars({ summaries }: Bars): readonly Bar[] {
  return HARMS.filter(({ fault }) => fault !== "start").map((world) => {
    const found = summaries.find((one) => one.world === world.name && one.method === OURS)!;
    const note = `simulated, ± ${(found.error / found.bound).toFixed(2)}`;
    return { what: `default, ${world.name}`, bar: LATE_BARS[world.p1]!, measured: found.ratio, note };
  });
}

function otherBars({ summaries, ten, drift, replays }: Bars): readonly Bar[] {
  const common = HARMS.filter(({ forecast }) => forecast > 0.1).flatMap((world) =>
    [OURS, "ours, start-only"].map((method) => {
      const found = summaries.find((one) => one.world === world.name && one.method === method)!;
      const note = `simulated, ± ${(found.error / found.bound).toFixed(2)}`;
      return { what: `${method}, ${world.name}`, bar: 1.25, measured: found.ratio, note };
    }),
  );
  const { "0.65 %": least, ...delays } = drift.delays;
  return [
    ...common,
    { what: "ten metrics of which one fails, over that one alone", bar: 1.3, measured: worst(ten) },
    { what: "drift, delay over the detector tuned to the truth, x1.6 to 10", bar: 1.1, measured: worst(delays) },
    { what: "the same at x1.3", bar: 1.1, measured: least! },
    { what: "drift, promised time over the mean time between false alarms", bar: 1, measured: 1 / drift.between },
    ...replays.flatMap(({ subject, figures }): Bar[] =>
      figures["mean answers"] !== undefined
        ? [
            {
              what: `replay ${subject}, answers over the bound`,
              bar: 1.25,
              measured: figures["mean answers"] / figures.bound!,
            },
          ]
        : [{ what: `replay ${subject}, rolled back`, bar: 0, measured: figures["rolled back"]! }],
    ),
  ];
}

function falseAlarmBars({ falseAlarms, exact }: Bars): readonly Bar[] {
  const worlds = HEALTHY.filter(({ uncorrected }) => uncorrected === undefined).map(({ name }) => name);
  return [
    ...falseAlarms
      .filter(({ method, world }) => method === OURS && worlds.includes(world))
      .map(({ world, rollouts, alarms, atMost }) => ({
        what: `false alarms, ${world}`,
        bar: ALPHA,
        measured: atMost,
        atLeast: exactLowerBound(rollouts, alarms, 0.05),
        note: `upper 95 % limit of ${alarms} in ${rollouts.toLocaleString("en")}`,
      })),
    ...exact.map(({ mode, risk }) => ({
      what: `false alarms, plain, ${mode}`,
      bar: ALPHA,
      measured: risk,
      note: "exact, every answer",
    })),
  ];
}
