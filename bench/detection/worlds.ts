import type { Random } from "../../src/core/ports.ts";
import type { Milliseconds } from "../../src/core/time.ts";
import type { MarginNull } from "../../src/statistics/index.ts";

/** What every rollout of the suite has in common. */
export const HOUR = 3600;
export const ALPHA = 0.001;

/** One signal's truth, second by second. */
export interface Course {
  /** Units a second, both arms together. */
  readonly perSecond: number;
  readonly share: (second: number) => number;
  readonly p1: (second: number) => number;
  readonly p0: (second: number) => number;
  /** Bad outcomes of a bad unit on average, one a second from its first on; 1 where a unit has one outcome. */
  readonly burst: number;
  /** Outcomes of one unit: what those who do not count by unit see as `n`. */
  readonly perUnit: number;
  /** The second in which a fault begins; Infinity for none. */
  readonly fault: number;
}

export interface World {
  readonly name: string;
  readonly null: MarginNull;
  /** Stable's bad share before the release. */
  readonly forecast: number;
  /** Seconds of a tick for a method that decides on every arrival of data. */
  readonly tick: number;
  /** What a plain threshold is set to. */
  readonly limit: number;
  readonly share: number;
  /** How the evaluation meets what the world breaks: from which age on a second is compared, and what is one observation. */
  readonly labels?: Milliseconds;
  readonly per?: string;
  /** A world that is measured without its correction, to show what it is for: outside the bar. */
  readonly uncorrected?: "outcomes" | "arrivals";
  /** Draws one rollout. */
  readonly open: (random: Random) => Course;
}

const NO_WORSE: MarginNull = { ratio: 1, points: 0 };
const RARE = 0.005;
const PLAIN: Course = {
  perSecond: 1000,
  share: () => 0.05,
  p1: () => RARE,
  p0: () => RARE,
  burst: 1,
  perUnit: 1,
  fault: Number.POSITIVE_INFINITY,
};
const RARE_WORLD = { null: NO_WORSE, forecast: RARE, limit: 0.008, share: 0.05, tick: 0.02 } as const;
/** "Approvals fall by more than 5 %" of 60 %, as badness: refused at most 0.95 times stable's share and 5 points. */
const COMMON_WORLD = {
  null: { ratio: 0.95, points: 0.05 },
  forecast: 0.4,
  limit: 0.43,
  share: 0.05,
  tick: 0.2,
} as const;

function healthy(name: string, open: (random: Random) => Partial<Course>, more: Partial<World> = {}): World {
  return { name, ...RARE_WORLD, ...more, open: (random) => ({ ...PLAIN, ...open(random) }) };
}

/** The same rate in both arms, moving in steps of 1 % so that tables of draws can be kept. */
function both(rate: (second: number) => number): Partial<Course> {
  return { p1: rate, p0: rate };
}

const STEP = Math.log(1.01);
function inSteps(factor: number): number {
  return RARE * Math.exp(STEP * Math.round(Math.log(factor) / STEP));
}

/** A common rate that moves every ten seconds. */
function moving(factor: (second: number) => number): Partial<Course> {
  const rates = Array.from({ length: HOUR / 10 }, (_, ten) => inSteps(factor(10 * ten)));
  return both((second) => rates[Math.floor(second / 10)]!);
}

const MATURITY = 1200;
const LATE = 120;
/** The part of a second's bad outcomes that is known at maturity. */
const MATURED = -Math.expm1(-MATURITY / LATE);
const MATURED_FAST = -Math.expm1((-2 * MATURITY) / LATE);
const labelled = (candidate: number, stable: number) => ({ p1: () => RARE * candidate, p0: () => RARE * stable });

function sessions(mean: number): Partial<Course> {
  // Ten requests in a session: a bad one has `mean` bad answers.
  const rate = (10 * RARE) / mean;
  return { ...both(() => rate), perSecond: 100, burst: mean, perUnit: 10 };
}

/** How many labels arrive in a second, of requests since the release: the quicker arm's come up sooner. */
function arrivals(): Partial<Course> {
  const rise = (delay: number) => (second: number) => RARE * -Math.expm1(-(Math.floor(second) + 1) / delay);
  return { p1: rise(LATE / 2), p0: rise(LATE) };
}

export const HEALTHY: readonly World[] = [
  healthy("plain", () => ({})),
  healthy("daily cycle", (random) => {
    const phase = 2 * Math.PI * random.next();
    return moving((second) => 1 + 0.6 * Math.sin((2 * Math.PI * second) / HOUR + phase));
  }),
  healthy("common outage", (random) => {
    const from = 10 * Math.floor((random.next() * (HOUR - 60)) / 10);
    return both((second) => (second >= from && second < from + 60 ? 0.05 : RARE));
  }),
  healthy("ramp 1-5-25-50 %", () => ({ share: (second) => [0.01, 0.05, 0.25, 0.5][Math.floor(second / 900)]! })),
  healthy("late labels", () => labelled(MATURED, MATURED), { labels: 1000 * MATURITY }),
  healthy("late labels, one arm twice as fast", () => labelled(MATURED_FAST, MATURED), { labels: 1000 * MATURITY }),
  healthy("bursts of 2", () => sessions(2), { per: "session", forecast: 0.025 }),
  healthy("bursts of 5", () => sessions(5), { per: "session", forecast: 0.01 }),
  healthy("drifting baseline", (random) => {
    const to = Math.log(random.next() < 0.5 ? 0.5 : 2);
    return moving((second) => Math.exp((to * second) / HOUR));
  }),
  healthy("bursts of 2, by request", () => sessions(2), { uncorrected: "outcomes" }),
  healthy("bursts of 5, by request", () => sessions(5), { uncorrected: "outcomes" }),
  healthy("labels twice as fast, by arrival", () => arrivals(), { uncorrected: "arrivals" }),
  { name: "approvals at 60 %", ...COMMON_WORLD, open: () => ({ ...PLAIN, ...both(() => 0.4) }) },
  { name: "approvals at the margin", ...COMMON_WORLD, open: () => ({ ...PLAIN, p1: () => 0.43, p0: () => 0.4 }) },
];

/** A fault in the candidate. */
export interface Harm extends World {
  readonly p0: number;
  readonly p1: number;
  readonly fault: "start" | "minutes" | "moments";
}

function harm(world: Omit<World, "name" | "open">, signal: string, p1: number, fault: Harm["fault"]): Harm {
  const p0 = world.forecast;
  const when = { start: "at the start", minutes: "at any minute", moments: "at any moment" }[fault];
  return {
    ...world,
    name: `${signal} ${when}`,
    p0,
    p1,
    fault,
    open: (random) => {
      const from = faultAt(random, fault);
      return { ...PLAIN, fault: from, p0: () => p0, p1: (second) => (second >= from ? p1 : p0) };
    },
  };
}

/** The second in which the fault begins. */
function faultAt(random: Random, fault: Harm["fault"]): number {
  if (fault === "start") return 0;
  return fault === "minutes" ? 60 * (1 + Math.floor(random.next() * 54)) : 60 + random.next() * 3240;
}

const FAULTS = ["start", "minutes", "moments"] as const;
export const HARMS: readonly Harm[] = [
  ...FAULTS.flatMap((fault) =>
    [0.013, 0.02, 0.05].map((p1) => harm(RARE_WORLD, `errors 0.5 -> ${p1 * 100} %`, p1, fault)),
  ),
  ...[0.46, 0.49, 0.55].map((p1) => harm(COMMON_WORLD, `approvals 60 -> ${Math.round(100 * (1 - p1))} %`, p1, "start")),
];
