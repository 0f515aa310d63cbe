import type { Random } from "../core/ports.ts";

/** True with this probability. */
export function drawChance(random: Random, probability: number): boolean {
  return random.next() < probability;
}

/** A whole number from `low` to `high`, both included. */
export function drawInteger(random: Random, low: number, high: number): number {
  return low + Math.floor(random.next() * (high - low + 1));
}

/** One of the list. Throws on an empty list. */
export function drawPick<T>(random: Random, list: readonly T[]): T {
  if (list.length === 0) throw new RangeError("Nothing to pick from.");
  return list[drawInteger(random, 0, list.length - 1)] as T;
}

/** The list in a random order (Fisher and Yates). */
export function drawOrder<T>(random: Random, list: readonly T[]): T[] {
  const order = [...list];
  for (let last = order.length - 1; last > 0; last--) {
    const other = drawInteger(random, 0, last);
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

/** Waiting time with this mean. */
export function drawExponential(random: Random, mean: number): number {
  return -mean * Math.log1p(-random.next());
}

/**
 * How many of `n` independent trials succeed. Exact: inversion for small means, otherwise BTRS, transformed rejection
 * with squeeze (Hörmann, "The generation of binomial random variates", 1993).
 */
export function drawBinomial(random: Random, n: number, probability: number): number {
  if (!(probability > 0) || n <= 0) return 0;
  if (probability >= 1) return n;
  if (probability > 0.5) return n - drawBinomial(random, n, 1 - probability);
  return n * probability < 10
    ? binomialByInversion(random, n, probability)
    : binomialByRejection(random, n, probability);
}

/** Jumps from success to success by geometric gaps: as many draws as successes (Devroye 1986, X.4.3). */
function binomialByInversion(random: Random, n: number, p: number): number {
  const scale = Math.log1p(-p);
  let successes = -1;
  let trial = 0;
  do {
    successes++;
    trial += Math.floor(Math.log1p(-random.next()) / scale) + 1;
  } while (trial <= n);
  return successes;
}

function binomialByRejection(random: Random, n: number, p: number): number {
  const deviation = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const alpha = (2.83 + 5.1 / b) * deviation;
  const odds = p / (1 - p);
  const mode = Math.floor((n + 1) * p);
  for (;;) {
    const u = random.next() - 0.5;
    const v = random.next();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + n * p + 0.5);
    if (us >= 0.07 && v <= 0.92 - 4.2 / b) return k;
    if (k < 0 || k > n) continue;
    const bound =
      (mode + 0.5) * Math.log((mode + 1) / (odds * (n - mode + 1))) +
      (n + 1) * Math.log((n - mode + 1) / (n - k + 1)) +
      (k + 0.5) * Math.log((odds * (n - k + 1)) / (k + 1)) +
      stirlingTail(mode) +
      stirlingTail(n - mode) -
      stirlingTail(k) -
      stirlingTail(n - k);
    if (Math.log((v * alpha) / (a / (us * us) + b)) <= bound) return k;
  }
}

/** How many events happen where `mean` are expected. Exact: exponential gaps, or PTRS (Hörmann 1993) from mean 10 on. */
export function drawPoisson(random: Random, mean: number): number {
  if (!(mean > 0)) return 0;
  if (mean >= 10) return poissonByRejection(random, mean);
  let events = -1;
  let left = mean;
  do {
    events++;
    left -= drawExponential(random, 1);
  } while (left >= 0);
  return events;
}

function poissonByRejection(random: Random, mean: number): number {
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  for (;;) {
    const u = random.next() - 0.5;
    const v = random.next();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2)) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const density = k * Math.log(mean) - mean - logFactorial(k);
    if (Math.log((v * inverseAlpha) / (a / (us * us) + b)) <= density) return k;
  }
}

function logFactorial(k: number): number {
  return 0.5 * Math.log(2 * Math.PI) + (k + 0.5) * Math.log(k + 1) - (k + 1) + stirlingTail(k);
}

/** What Stirling's formula for ln k! (around k + 1) leaves out. */
function stirlingTail(k: number): number {
  if (k < 10) return SMALL_TAILS[k] as number;
  const x = k + 1;
  return (1 / 12 - (1 / 360 - 1 / 1260 / (x * x)) / (x * x)) / x;
}

const SMALL_TAILS = Array.from({ length: 10 }, (_, k) => {
  let factorial = 1;
  for (let i = 2; i <= k; i++) factorial *= i;
  return Math.log(factorial) - 0.5 * Math.log(2 * Math.PI) - (k + 0.5) * Math.log(k + 1) + (k + 1);
});
