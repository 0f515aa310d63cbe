import { isEnding, type Signal } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import { formatDuration, type Instant, type Milliseconds } from "../../core/time.ts";
import { compareDelays, type DelayComparison } from "../../statistics/index.ts";
import { byNode, createClosingSeconds } from "./closing-seconds.ts";
import { DOUBTFUL, type Instrument, NO_DOUBTS, QUIET, REQUESTS_OF_ONE } from "./instrument.ts";

export interface LabelDelaySetup {
  readonly signal: Signal;
  readonly candidate: ReleaseId;
  readonly reference: ReleaseId;
}

/** Stable's outcomes that are looked at to learn how long they take. */
const LEARNED_FROM = 300;
/** Outcomes are compared up to the step by which so many of stable's are known; waiting for the last ones would take long. */
const KNOWN = 0.9;
/** A block holds so many outcomes of stable, and a tenth of those before it up to the most: smaller ones only cost work. */
const ENOUGH = 1000;
const MOST = 10_000;
/** The longest step: 2^20 s, twelve days. */
const LONGEST = 20;

/**
 * Do outcomes of both arms take equally long to become known? Where those of one arm come faster, a sound candidate can
 * look bad, since its bad ones are known before its time. Delays are compared in steps of 1, 2, 4, ... seconds, up to the one
 * by which nine of ten of stable's outcomes are known, as stable itself is seen to take: that is learned from its first 300
 * outcomes, and from twice as long a time. A second is counted when it is older than the longest step, so that a younger
 * arm is not taken for a quicker one; outcomes without `known` say nothing.
 *
 * Where the candidate's 5 % of 1000 requests a second take 3 s on average and stable's 6 s, that is found in about 100 s,
 * by 5,000 of its outcomes; 60 s against 120 s in 14 minutes, most of which are waiting. In 182 seeded hours of arms alike,
 * also with a person's outcomes known together, it doubted none.
 *
 * Never doubted: a signal with declared `labels`, since its evidence takes only cohorts that are that old, which makes a
 * difference harmless; and how the gateway saw a request end, since there the delay is the answer's own time.
 */
export function createLabelDelay({ signal, candidate, reference }: LabelDelaySetup): Instrument {
  if (signal.labels !== undefined || isEnding(signal)) return QUIET;
  const learning = learn();
  let comparing: Comparing | undefined;
  let doubt: string | undefined;
  return {
    observe(batch) {
      if (doubt) return;
      const own = batch.filter((sample) => isOutcome(sample, signal, [candidate, reference]));
      if (!comparing) {
        const usual = learning(own.filter(({ release }) => release === reference));
        if (usual) comparing = compare(usual, candidate, signal.per === undefined ? REQUESTS_OF_ONE : 1);
      } else doubt = comparing(own);
    },
    doubts: () => (doubt ? [doubt] : NO_DOUBTS),
  };
}

/** A sample that says when it became known. */
type Outcome = Sample & { readonly known: Instant };

function isOutcome(sample: Sample, signal: Signal, arms: readonly ReleaseId[]): sample is Outcome {
  const { n, known, group, release } = sample;
  const isOwn = sample.signal === signal.name && group === undefined && arms.includes(release);
  return isOwn && known !== undefined && Number.isSafeInteger(n) && n > 0;
}

/** Step i is up to 2^i seconds from the beginning of the request's second. */
function stepOf({ bucket, known }: Outcome): number {
  return Math.min(LONGEST, Math.max(0, Math.ceil(Math.log2(Math.max(1, known - bucket) / 1000))));
}

function endOf(step: number): Milliseconds {
  return 1000 * 2 ** step;
}

interface Usual {
  /** Seconds of requests after this moment are compared: what was learned was known before them. */
  readonly since: Instant;
  /** Stable's share of outcomes in each step. */
  readonly shares: readonly number[];
}

/** Learns from stable alone how long outcomes take; answers once it knows. */
function learn(): (outcomes: readonly Outcome[]) => Usual | undefined {
  const counts = Array.from({ length: LONGEST + 1 }, () => 0);
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  return (outcomes) => {
    for (const outcome of outcomes) {
      counts[stepOf(outcome)]! += outcome.n;
      first = Math.min(first, outcome.known);
      last = Math.max(last, outcome.known);
    }
    const total = sumOf(counts);
    if (total < LEARNED_FROM) return undefined;
    // Two steps at least, as there must be something to differ in.
    const steps =
      1 +
      Math.max(
        1,
        counts.findIndex((_, step) => sumOf(counts.slice(0, step + 1)) >= KNOWN * total),
      );
    if (last - first < 2 * endOf(steps - 1)) return undefined;
    const within = counts.slice(0, steps);
    return { since: last, shares: within.map((count) => count / sumOf(within)) };
  };
}

/** Takes outcomes of both arms; answers the doubt once it is certain. */
type Comparing = (outcomes: readonly Outcome[]) => string | undefined;

interface Arms {
  readonly candidate: number[];
  readonly reference: number[];
}

function compare({ since, shares }: Usual, candidate: ReleaseId, lump: number): Comparing {
  const longest = endOf(shares.length - 1);
  const fresh = (): Arms => ({ candidate: shares.map(() => 0), reference: shares.map(() => 0) });
  const nodes = byNode(() => ({ newest: since, seconds: createClosingSeconds(fresh, longest) }));
  const comparison: DelayComparison = compareDelays({ usual: shares, lump });
  const all = fresh();
  let block = fresh();
  return (outcomes) => {
    const node = nodes(outcomes[0]?.node ?? "");
    for (const outcome of outcomes) {
      node.newest = Math.max(node.newest, outcome.known);
      const second = outcome.bucket > since ? node.seconds.at(outcome.bucket) : undefined;
      const arm = outcome.release === candidate ? second?.candidate : second?.reference;
      const step = stepOf(outcome);
      if (arm && step < shares.length) arm[step]! += outcome.n;
    }
    for (const [, second] of node.seconds.closed(node.newest)) addArms(block, second);
    if (sumOf(block.reference) < Math.min(MOST, Math.max(ENOUGH, sumOf(all.reference) / 10))) return undefined;
    comparison.add(block);
    addArms(all, block);
    block = fresh();
    return comparison.log() >= -Math.log(DOUBTFUL) ? sentence(all) : undefined;
  };
}

function addArms(to: Arms, more: Arms): void {
  for (const arm of ["candidate", "reference"] as const) {
    for (const [step, count] of more[arm].entries()) to[arm][step]! += count;
  }
}

/** Says it at the border where the arms differ most. */
function sentence(arms: Arms): string {
  const by = (arm: keyof Arms, step: number) => sumOf(arms[arm].slice(0, step + 1)) / sumOf(arms[arm]);
  const apart = arms.candidate.map((_, step) => by("candidate", step) - by("reference", step));
  const most = apart.reduce((best, value, step) => (Math.abs(value) > Math.abs(apart[best]!) ? step : best), 0);
  const percent = (arm: keyof Arms) => `${Math.round(100 * by(arm, most))} %`;
  const pace = apart[most]! > 0 ? "faster" : "more slowly";
  const within = `${percent("candidate")} within ${formatDuration(endOf(most))}, of stable's ${percent("reference")}`;
  return `outcomes of the candidate become known ${pace} than stable's (${within}): say with \`labels\` how long they take`;
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
