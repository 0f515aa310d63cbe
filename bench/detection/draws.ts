import type { Random } from "../../src/core/ports.ts";
import { drawBinomial } from "../../src/simulation/draws.ts";

/** A distribution function that is entered near the right place. */
interface Table {
  readonly upTo: Float64Array;
  readonly guide: Uint16Array;
}

const GUIDE = 64;
/** Up to this mean the distribution function is walked up from 0. */
const FEW = 12;
/** Beyond this mean a table is no longer small. */
const MOST = 100;
const TABLES = 4096;

/**
 * How many of `n` succeed, exactly to the rounding of a double: one uniform number against the distribution function. Where
 * many are expected its table is kept, so use it for few pairs of `n` and `p`.
 */
export function createBinomialDraws(): (random: Random, n: number, p: number) => number {
  let [lastRate, log, odds] = [Number.NaN, 0, 0];
  const tables = new Map<number, Table>();
  let [tableN, tableP, table] = [0, 0, tableOf(0, 0)];
  return (random, n, p) => {
    if (n === 0 || p <= 0) return 0;
    if (n * p > MOST || p > 0.5) return drawBinomial(random, n, p);
    if (p !== lastRate) {
      lastRate = p;
      log = Math.log1p(-p);
      odds = p / (1 - p);
    }
    if (n * p <= FEW) {
      let term = Math.exp(n * log);
      let left = random.next() - term;
      let k = 0;
      for (; left >= 0 && k < n; k++) {
        term *= ((n - k) / (k + 1)) * odds;
        left -= term;
      }
      return k;
    }
    if (n !== tableN || p !== tableP) {
      // Whole numbers and parts of one: the sum tells both.
      table = tables.get(n + p) ?? tableOf(n, p);
      if (tables.size < TABLES) tables.set(n + p, table);
      tableN = n;
      tableP = p;
    }
    const { upTo, guide } = table;
    const u = random.next();
    let k = guide[Math.floor(u * GUIDE)]!;
    while (upTo[k]! < u) k++;
    return k;
  };
}

function tableOf(n: number, p: number): Table {
  const odds = p / (1 - p);
  const upTo: number[] = [];
  let term = Math.exp(n * Math.log1p(-p));
  let sum = 0;
  for (let k = 0; k <= n && sum < 1; k++) {
    sum += term;
    upTo.push(sum);
    // Far in the tail the sum stands still a little below or at 1.
    if (k > n * p && term < 1e-18) break;
    term *= ((n - k) / (k + 1)) * odds;
  }
  upTo[upTo.length - 1] = 1;
  const guide = new Uint16Array(GUIDE);
  for (let slot = 0, k = 0; slot < GUIDE; slot++) {
    while (upTo[k]! < slot / GUIDE) k++;
    guide[slot] = k;
  }
  return { upTo: Float64Array.from(upTo), guide };
}

/** A geometric number of at least 1 with this mean. */
export function drawBurst(random: Random, mean: number): number {
  return mean <= 1 ? 1 : 1 + Math.floor(Math.log1p(-random.next()) / Math.log1p(-1 / mean));
}
