import type { Random } from "../../src/core/ports.ts";
import { createSeededRandom } from "../../src/simulation/random.ts";
import { exactUpperBound } from "../../src/statistics/exact-bound.ts";
import { type Block, type Design, increments, planStarts } from "../../src/statistics/index.ts";
import { startShares } from "../../src/statistics/late-evidence.ts";
import { createBinomialDraws } from "./draws.ts";
import type { FalseAlarms } from "./healthy.ts";
import { calibratedThreshold, createDefault, designOf } from "./ours.ts";
import { ALPHA, HOUR, type World } from "./worlds.ts";

/** How often our modes went back in rollouts without harm. */
export interface Many {
  readonly world: string;
  readonly rollouts: number;
  readonly alarms: Readonly<Record<string, number>>;
  /** Rollouts of the default that came near and were judged again by the evaluator itself. */
  readonly judgedAgain: number;
}

/** Puts parts together. */
export function falseAlarmsOfMany(parts: readonly Many[]): readonly FalseAlarms[] {
  return [...Map.groupBy(parts, ({ world }) => world)].flatMap(([world, own]) => {
    const rollouts = own.reduce((sum, part) => sum + part.rollouts, 0);
    return Object.keys(own[0]!.alarms).map((method) => {
      const alarms = own.reduce((sum, part) => sum + part.alarms[method]!, 0);
      return { method, world, rollouts, alarms, atMost: exactUpperBound(rollouts, alarms, 0.05) };
    });
  });
}

/** Seconds between two starts of the recursion; rates and shares of the worlds move at these only. */
const SPAN = 10;
/** Rows of kept factors. */
const KEPT = 256;
const DEAD = 1e-280;
/** Evidence this near to the threshold is judged again. */
const NEAR = 1 - 1e-4;

/**
 * Many healthy hours, for rare outcomes. Requests are dealt out so that every second has exactly its share; then the evidence
 * of a span depends on its two numbers of bad outcomes only. A span that could not reach a threshold even if all its bad
 * candidate answers came first is one step; any other is cut at every second with a bad candidate answer, where alone the
 * evidence rises. So nothing is left out, and an hour takes a tenth of a millisecond.
 * Rollouts of the default that come near its threshold are fed, step by step, to the product's evaluator, which decides.
 */
export function runMany(world: World, seed: string, from: number, to: number): Many {
  const design = designOf(world);
  const calibrated = calibratedThreshold(world);
  if (calibrated === undefined) throw new RangeError(`No spans for ${world.name}: use seconds.`);
  const table = createTable(design);
  const alarms = { "ours, default": 0, "ours, start-only": 0, "ours, calibrated": 0 };
  let judgedAgain = 0;
  for (let rollout = from; rollout < to; rollout++) {
    const name = `${seed}/many/${world.name}/${rollout}`;
    const top = walk(world, design, table, createSeededRandom(name));
    if (top.start >= 1 / ALPHA) alarms["ours, start-only"]++;
    if (top.start >= Math.exp(calibrated)) alarms["ours, calibrated"]++;
    if (top.late < NEAR / ALPHA) continue;
    judgedAgain++;
    const judge = createDefault(world);
    let decided = false;
    walk(world, design, table, createSeededRandom(name), (counts, at) => {
      decided ||= judge.take(counts, at);
    });
    if (decided) alarms["ours, default"]++;
  }
  return { world: world.name, rollouts: to - from, alarms, judgedAgain };
}

interface Row {
  readonly bad: Float64Array;
  readonly reference: Float64Array;
}

/** Factors of one bad outcome of either arm, to the power of their number, for each planned share. */
function createTable(design: Design): (n1: number, n0: number) => Row {
  const rows = new Map<number, Row>();
  return (n1, n0) => {
    const known = rows.get(n1);
    if (known) return known;
    const size = design.alternatives.length;
    const powers = (counts: Block) => {
      const by = increments(design, counts);
      return Float64Array.from({ length: KEPT * size }, (_, i) => Math.exp(Math.floor(i / size) * by[i % size]!));
    };
    const row = { bad: powers({ n1, k1: 1, n0, k0: 0 }), reference: powers({ n1, k1: 0, n0, k0: 1 }) };
    rows.set(n1, row);
    return row;
  };
}

const draws = [createBinomialDraws(), createBinomialDraws(), createBinomialDraws()] as const;

/** Walks through one hour; answers the highest evidence with and without later starts. */
function walk(
  world: World,
  design: Design,
  table: (n1: number, n0: number) => Row,
  random: Random,
  listen?: (counts: Block, at: number) => void,
): { readonly late: number; readonly start: number } {
  const course = world.open(random);
  const evidence = createSpanEvidence(design);
  for (let second = 0; second < HOUR; second += SPAN) {
    const n1 = Math.round(course.perSecond * course.share(second));
    const n0 = course.perSecond - n1;
    evidence.open(second / SPAN, table(n1, n0));
    const p0 = course.p0(second);
    const k1 = draws[0](random, SPAN * n1, course.p1(second));
    /** Takes the seconds from `since` up to `until`, with `bad` bad candidate answers in the last of them. */
    const take = (since: number, until: number, bad: number) => {
      const length = until - since;
      const k0 = draws[length === SPAN ? 1 : 2](random, length * n0, p0);
      evidence.step(bad, k0);
      listen?.({ n1: length * n1, k1: bad, n0: length * n0, k0 }, second + until);
    };
    if (k1 === 0 || evidence.most(k1) < NEAR / ALPHA / 2) take(0, SPAN, k1);
    else inSeconds(random, k1, take);
  }
  return evidence.top;
}

/** Evidence with and without later starts, as plain e-values. */
function createSpanEvidence(design: Design) {
  const { weights, first, atMark, between, plan, share } = startsOf(design);
  const size = weights.length;
  const late = first.slice();
  const start = weights.slice();
  const top = { late: 0, start: 0 };
  let unspent = 1 - share(0);
  let row: Row = { bad: late, reference: late };
  return {
    top,
    /** Begins a span with the factors of its share. */
    open(interval: number, factors: Row) {
      row = factors;
      if (interval === 0) return;
      unspent -= share(interval);
      const fresh = interval % plan.perMark === 0 ? atMark : between;
      for (let j = 0; j < size; j++) late[j]! += fresh[j]!;
    },
    /** Multiplies the factors of so many bad outcomes in. */
    step(k1: number, k0: number) {
      const { bad, reference } = row;
      let [sumLate, sumStart] = [unspent, 0];
      for (let j = 0, b = k1 * size, r = k0 * size; j < size; j++, b++, r++) {
        const factor = bad[b]! * reference[r]!;
        late[j]! *= factor;
        sumLate += late[j]!;
        const plain = start[j]! * factor;
        start[j] = plain < DEAD ? 0 : plain;
        sumStart += plain;
      }
      if (sumLate > top.late) top.late = sumLate;
      if (sumStart > top.start) top.start = sumStart;
    },
    /** The most that either could be within a span with so many bad candidate answers. */
    most(k1: number) {
      const { bad } = row;
      let [sumLate, sumStart] = [unspent, 0];
      for (let j = 0, b = k1 * size; j < size; j++, b++) {
        sumLate += late[j]! * bad[b]!;
        sumStart += start[j]! * bad[b]!;
      }
      return Math.max(sumLate, sumStart);
    },
  };
}

/** Deals bad answers out over the seconds of a span, and cuts it after each second that has some. */
function inSeconds(random: Random, k1: number, take: (since: number, until: number, bad: number) => void): void {
  const bad = new Uint16Array(SPAN);
  for (let left = k1; left > 0; left--) bad[Math.floor(random.next() * SPAN)]! += 1;
  let since = 0;
  for (let second = 0; second < SPAN; second++) {
    if (bad[second] === 0 && second < SPAN - 1) continue;
    take(since, second + 1, bad[second]!);
    since = second + 1;
  }
}

interface Starts {
  readonly weights: Float64Array;
  readonly first: Float64Array;
  readonly atMark: Float64Array;
  readonly between: Float64Array;
  readonly plan: ReturnType<typeof planStarts>;
  readonly share: (interval: number) => number;
}

const starts = new WeakMap<Design, Starts>();

function startsOf(design: Design): Starts {
  const known = starts.get(design);
  if (known) return known;
  const plan = planStarts(HOUR);
  if (HOUR / plan.intervals !== SPAN) throw new RangeError("A span is the time between two starts.");
  const share = startShares(plan);
  const weights = Float64Array.from(design.alternatives, ({ weight }) => weight);
  const made: Starts = {
    weights,
    first: weights.map((weight) => weight * share(0)),
    atMark: Float64Array.from(design.alternatives, ({ atMarks }) => atMarks * share(plan.perMark)),
    between: Float64Array.from(design.alternatives, (one) => one.between * share(1)),
    plan,
    share,
  };
  starts.set(design, made);
  return made;
}
