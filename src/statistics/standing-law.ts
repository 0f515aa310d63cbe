import { border, countsOf } from "./evidence-law.ts";
import { growthOf, type LinearEvidence } from "./linear-evidence.ts";

/** What is asked: do all of these reach the threshold at one moment? Each is about the same counts of two sides. */
export interface StandingRequest {
  readonly evidence: readonly LinearEvidence[];
  readonly logThreshold: number;
  /** The candidate's and the reference's true rates. */
  readonly p1: number;
  readonly p0: number;
}

/** The reference's likely counts are taken in so many portions, each as the least favourable of its counts. */
const PORTIONS = 256;

/** The chance that after `n` candidate observations all evidence stands above the threshold: exact, or a little less. */
export function chanceStanding({ evidence, logThreshold, p1, p0 }: StandingRequest, n: number): number {
  const candidate = countsOf(n, p1);
  const reference = countsOf(n * (evidence[0]?.beside ?? 0), p0);
  const width = Math.ceil(reference.chances.length / PORTIONS);
  const upTo = sums(candidate.chances);
  // A border that is off by a rounding error must not let in a count that does not decide.
  const atMost = (k: number) => upTo[Math.min(upTo.length - 1, Math.floor(k - 1e-6) - candidate.from)] ?? 0;
  let chance = 0;
  for (let from = 0; from < reference.chances.length; from += width) {
    const portion = reference.chances.slice(from, from + width);
    const [fewest, most] = [reference.from + from, reference.from + from + portion.length - 1];
    let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const one of evidence) {
      const wantsBad = one.bad[0]! > 0;
      const { k1 } = border(one, logThreshold, n, wantsBad ? most : fewest, p1 * n);
      if (wantsBad) low = Math.max(low, k1);
      else high = Math.min(high, k1);
    }
    const between = atMost(high) - (low > 0 ? atMost(Math.ceil(low + 1e-6)) : 0);
    chance += Math.max(0, between) * portion.reduce((sum, one) => sum + one, 0);
  }
  return chance;
}

/** The usual length is divided into so many looks. */
const LOOKS = 100;
/** Lengths are followed for so many times the usual one. */
const DOUBLINGS = 8;

/**
 * Candidate observations after which a chance is at least `part`, in whole blocks: an upper bound of the first moment at
 * which everything stands, as what stands at a moment has stood by then. Undefined where that takes too long to follow.
 * @param usual candidate observations that it takes on average, about
 */
export function standingAfter(
  chanceAt: (n: number) => number,
  part: number,
  { usual, block }: { readonly usual: number; readonly block: number },
): number | undefined {
  if (!Number.isFinite(usual)) return undefined;
  const step = block * Math.max(1, Math.ceil(usual / LOOKS / block));
  const stands = (looks: number) => chanceAt(looks * step) >= part;
  let [fails, holds] = [0, Math.max(1, Math.ceil(usual / step))];
  for (let round = 0; !stands(holds); round++) {
    if (round === DOUBLINGS) return undefined;
    [fails, holds] = [holds, 2 * holds];
  }
  while (holds - fails > 1) {
    const middle = Math.floor((fails + holds) / 2);
    if (stands(middle)) holds = middle;
    else fails = middle;
  }
  return holds * step;
}

/** How many candidate observations the slowest of them takes on average, about; infinite where one never decides. */
export function usualLength({ evidence, logThreshold, p1, p0 }: StandingRequest): number {
  const lengths = evidence.map((one) =>
    growthOf(one, p1, p0).map((growth, j) =>
      growth > 0 ? (logThreshold - one.logWeight[j]!) / growth : Number.POSITIVE_INFINITY,
    ),
  );
  return Math.max(...lengths.map((each) => Math.min(...each)));
}

/** The evidence of a test whose candidate is this one's reference, in this one's terms. */
export function turned({ logWeight, each, bad, reference, beside }: LinearEvidence): LinearEvidence {
  return {
    logWeight,
    each: each.map((log) => log / beside),
    bad: reference,
    reference: bad,
    beside: 1 / beside,
  };
}

function sums(chances: readonly number[]): readonly number[] {
  let sum = 0;
  return chances.map((chance) => {
    sum += chance;
    return sum;
  });
}
