import assert from "node:assert/strict";
import { test } from "node:test";
import { advanceCusum, advanceDrift, logEvidence, startRecursion, stoppingLaw } from "./index.ts";
import { seeded } from "./published.fixture.ts";

// Figures of other programs and papers that describe the same quantity as ours. Others of the same programs do not:
// confseq's Bernoulli interval and quantile test use other mixtures, its stitched bounds and the group-sequential bounds of
// Lan and DeMets are not computed here, and CV.Poisson of maxSPRT is the critical value of a maximised likelihood ratio.

const single = { alternatives: [{ weight: 1 }] };

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A Poisson count of a small mean, by multiplying. */
function poisson(random: () => number, mean: number): number {
  let count = -1;
  for (let product = 1; product > Math.exp(-mean); count++) product *= 1 - random();
  return count;
}

/** Mean run length over `runs`, within four standard errors of `expected`. */
function assertMean(expected: number, runs: number, run: () => number): void {
  const lengths = Array.from({ length: runs }, run);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / runs;
  const variance = lengths.reduce((sum, length) => sum + (length - mean) ** 2, 0) / (runs - 1);
  assert.ok(Math.abs(mean - expected) <= 4 * Math.sqrt(variance / runs), `${mean}, not ${expected}`);
}

/** Ticks until a CUSUM of these steps reaches `limit`, from a head start. */
function cusumRun(step: () => number, limit: number, head = 0): number {
  let state = head === 0 ? startRecursion(single) : advanceCusum(startRecursion(single), single, [head]);
  for (let ticks = 1; ; ticks++) {
    state = advanceCusum(state, single, [step()]);
    if (logEvidence(state) >= limit) return ticks;
  }
}

// Two-sided CUSUM, k = 0.5: Lucas and Crosier (Technometrics 1982), as R's spc 0.7.2 prints them.
const twoSided = [
  [0, 4, 168],
  [0.25, 4, 74.2],
  [0.5, 4, 26.6],
  [0.75, 4, 13.3],
  [1, 4, 8.38],
  [1.5, 4, 4.75],
  [2, 4, 3.34],
  [0, 5, 465.4],
] as const;

for (const [mean, limit, expected] of twoSided) {
  test(`two CUSUMs at once with h = ${limit} find a shift of ${mean} after ${expected} on average (Lucas and Crosier 1982)`, () => {
    const random = seeded(1982 + 100 * mean);
    assertMean(expected, 1000, () => {
      let [up, down] = [startRecursion(single), startRecursion(single)];
      for (let ticks = 1; ; ticks++) {
        const x = normal(random) + mean;
        up = advanceCusum(up, single, [x - 0.5]);
        down = advanceCusum(down, single, [-x - 0.5]);
        if (Math.max(logEvidence(up), logEvidence(down)) >= limit) return ticks;
      }
    });
  });
}

test("a Poisson CUSUM at its own mean, k = 0.25, h = 10, runs 438, and 333 from half way up (Lucas 1985)", () => {
  const random = seeded(1985);
  const step = () => poisson(random, 0.25) - 0.25;
  assertMean(438, 800, () => cusumRun(step, 10));
  assertMean(333, 800, () => cusumRun(step, 10, 5));
});

test("Shiryaev-Roberts from 0 runs 100.28 at A = 94.34, and finds a shift of 0.1 after 41.40 and 72.32 (table 2 of 2009)", () => {
  // Moustakides, Polunchenko and Tartakovsky (2009), also in spc's xgrsr.arl.
  const random = seeded(2009);
  const run = (mean: number, limit: number) => () => {
    let state = startRecursion(single);
    for (let ticks = 1; ; ticks++) {
      state = advanceDrift(state, single, [0.1 * (normal(random) + mean) - 0.005]);
      if (logEvidence(state) >= Math.log(limit)) return ticks;
    }
  };
  assertMean(100.28, 2000, run(0, 94.34));
  assertMean(41.4, 2000, run(0.1, 47.17));
  assertMean(72.32, 2000, run(0.1, 94.34));
});

test("looks after every fifth of 25 observations at the critical value 1.9852 err with 0.04775995 (Sequential, CV.Binomial)", () => {
  // CRAN Sequential 4.5.1: N = 25, matching ratio z = 3.5, groups of five; the maximised log-likelihood ratio is looked at.
  const null_ = 1 / 4.5;
  const ratio = (n: number, k: number) => {
    const other = k === n ? 0 : (n - k) * Math.log((n - k) / n / (1 - null_));
    return k / n <= null_ ? 0 : k * Math.log(k / n / null_) + other;
  };
  const fewest = (n: number) => Array.from({ length: n + 1 }, (_, k) => k).findIndex((k) => ratio(n, k) >= 1.9852);
  // Successes only grow, so who is there before a look is there at it.
  const boundary = Int32Array.from({ length: 26 }, (_, n) => (n === 0 ? 0 : fewest(5 * Math.ceil(n / 5))));
  assert.ok(Math.abs(stoppingLaw(boundary, null_).stopped - 0.04775995) < 5e-9);
});
