// Every method on the same streams: `npm run bench -- detection [--json] [--full | --times N] [--seed N] [--recording FILE] [--csv FOLDER]`. See docs/detection.md.
import { join } from "node:path";
import { type Bars, barsOf } from "./detection/bars.ts";
import { writeCsv } from "./detection/csv.ts";
import { boundOf } from "./detection/harm.ts";
import { falseAlarmsOf } from "./detection/healthy.ts";
import type { Job, JobResult } from "./detection/job.ts";
import { falseAlarmsOfMany } from "./detection/many.ts";
import { runJobs } from "./detection/pool.ts";
import { type Summary, summarise } from "./detection/summary.ts";
import { VALUES } from "./detection/values.ts";
import { HARMS, HEALTHY } from "./detection/worlds.ts";
import type { BenchResult } from "./result.ts";

const THREADS = 2;
const TINY = join(import.meta.dirname, "../test/recordings/tiny.csv");

/** Rollouts of each part. */
interface Sizes {
  readonly start: number;
  readonly late: number;
  readonly common: number;
  readonly values: number;
  readonly many: number;
  readonly seconds: number;
  readonly incumbents: number;
  readonly ten: number;
  readonly cohorts: number;
  readonly drift: number;
  readonly replays: number;
  /** Of one job. */
  readonly part: number;
}

const QUICK: Sizes = {
  start: 60,
  late: 12,
  common: 40,
  values: 60,
  many: 4000,
  seconds: 200,
  incumbents: 100,
  ten: 12,
  cohorts: 500,
  drift: 40,
  replays: 50,
  part: 20,
};
const FULL: Sizes = {
  start: 2000,
  late: 2000,
  common: 1000,
  values: 1000,
  many: 100_000,
  seconds: 32_000,
  incumbents: 2000,
  ten: 1000,
  cohorts: 10_000,
  drift: 1000,
  replays: 1000,
  part: 100,
};

/** So many times the rollouts of the quick form. */
function timesQuick(times: number): Sizes {
  const entries = Object.entries(QUICK).map(([name, size]) => [
    name,
    name === "part" ? size : Math.round(size * times),
  ]);
  return { ...QUICK, ...Object.fromEntries(entries) };
}

interface Options {
  readonly full: boolean;
  readonly times: number;
  readonly seed: string;
  readonly csv?: string;
  /** A recording of a real model's regression; a small synthetic one of the repository by default. */
  readonly recording: string;
}

export async function benchDetection(args: readonly string[]): Promise<BenchResult> {
  const options = optionsOf(args);
  const sizes = options.full ? FULL : timesQuick(options.times);
  const results = await runJobs(jobsOf(sizes, options.recording), options.seed, THREADS);
  const found = findingsOf(results);
  if (options.csv !== undefined) writeCsv(options.csv, { ...options, sizes: { ...sizes } }, results, found);
  return {
    name: "detection",
    method: `seed ${options.seed}, ${options.full ? "full" : `${options.times} times the quick form`}; 1,000 answers a second, alpha 0.001; docs/detection.md`,
    rows: [
      ...found.summaries.map(rowOf),
      ...found.falseAlarms.map(({ world, method, rollouts, alarms, atMost }) => ({
        subject: `${world} | ${method}`,
        figures: { rollouts, "false alarms": alarms, rate: alarms / rollouts, "rate at most": atMost },
      })),
      { subject: "errors 0.5 -> 5 %, by length of a cohort | ours, first start", figures: found.cohorts },
      ...found.replays.map(({ subject, figures }) => ({ subject: `replay ${subject} | ours, default`, figures })),
    ],
    ratios: {},
    bars: barsOf(found),
  };
}

function optionsOf(args: readonly string[]): Options {
  const after = (name: string) => {
    const place = args.indexOf(name);
    if (place < 0) return undefined;
    const value = args[place + 1];
    if (value === undefined || value.startsWith("--")) throw new Error(`${name} needs a value after it.`);
    return value;
  };
  const csv = after("--csv");
  const times = Number(after("--times") ?? 1);
  if (!(times > 0)) throw new Error("--times needs a number above 0, such as 3, or 0.1 for a glance.");
  return {
    full: args.includes("--full"),
    times,
    seed: after("--seed") ?? "1",
    recording: after("--recording") ?? TINY,
    ...(csv !== undefined && { csv }),
  };
}

/** The longest jobs first, so that no thread waits long at the end. */
function jobsOf(sizes: Sizes, file: string): readonly Job[] {
  const parts = (size: number, part: number) =>
    Array.from({ length: Math.ceil(size / part) }, (_, index) => ({
      from: index * part,
      size: Math.min(part, size - index * part),
    }));
  return [
    { kind: "replay", size: sizes.replays, file },
    { kind: "ten", size: sizes.ten },
    { kind: "drift", size: sizes.drift },
    { kind: "exact" },
    { kind: "cohorts", size: sizes.cohorts },
    ...HARMS.flatMap((world) => {
      const size = world.forecast > 0.1 ? sizes.common : world.fault === "start" ? sizes.start : sizes.late;
      return parts(size, sizes.part).map((part) => ({ kind: "harm", world: world.name, ...part }) as const);
    }),
    ...VALUES.flatMap(({ name }) =>
      parts(sizes.values, 5 * sizes.part).map((part) => ({ kind: "values", world: name, ...part }) as const),
    ),
    ...HEALTHY.flatMap((world) => {
      const size = world.forecast > 0.1 ? sizes.seconds : Math.min(sizes.seconds, sizes.incumbents);
      const { incumbents } = sizes;
      return parts(size, 100).map((part) => ({ kind: "healthy", world: world.name, incumbents, ...part }) as const);
    }),
    ...HEALTHY.filter((world) => world.forecast < 0.1 && world.uncorrected === undefined).flatMap((world) =>
      parts(sizes.many, 4000).map((part) => ({ kind: "many", world: world.name, ...part }) as const),
    ),
  ];
}

function findingsOf(results: readonly JobResult[]): Bars {
  const of = <K extends JobResult["kind"]>(kind: K) =>
    results.filter((result): result is Extract<JobResult, { kind: K }> => result.kind === kind);
  const outcomes = of("harm").flatMap((result) => result.outcomes);
  const values = of("values").flatMap((result) => result.outcomes);
  const many = of("many").map((result) => result.many);
  const bySecond = HEALTHY.flatMap(({ name }) =>
    falseAlarmsOf(
      name,
      of("healthy").flatMap((result) => (result.world === name ? [result.part] : [])),
    ),
  );
  return {
    summaries: [
      ...HARMS.flatMap((world) =>
        summarise(
          outcomes.filter((outcome) => outcome.world === world.name),
          boundOf(world),
        ),
      ),
      ...VALUES.flatMap(({ name, bound }) =>
        summarise(
          values.filter((outcome) => outcome.world === name),
          bound,
          "answers",
        ),
      ),
    ],
    // Where there are many rollouts, they stand for our modes.
    falseAlarms: [
      ...falseAlarmsOfMany(many),
      ...bySecond.filter((one) => !many.some(({ world, alarms }) => world === one.world && one.method in alarms)),
    ],
    exact: of("exact").flatMap((result) => result.modes),
    cohorts: of("cohorts")[0]!.ratios,
    ten: of("ten")[0]!.ratios,
    drift: of("drift")[0]!.figures,
    replays: of("replay").flatMap((result) => result.replays),
  };
}

function rowOf({ world, method, bound, ...figures }: Summary): BenchResult["rows"][number] {
  const { rollouts, mean, error, median, p90, ratio, seconds, early, never } = figures;
  return {
    subject: `${world} | ${method}`,
    figures: { mean, "±": error, median, p90, "x bound": ratio, seconds, early, never, rollouts },
  };
}
