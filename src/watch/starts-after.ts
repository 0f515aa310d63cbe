import type { Instant, Milliseconds } from "../core/time.ts";
import { GRAIN, logSumExp, NOTHING, type StartDesign } from "../statistics/index.ts";

/** The first octave of starts is so long, each later one twice as long as the one before; each has eight starts. */
const OCTAVE: Milliseconds = 16_000;
const STARTS = 8;

/** Evidence of harm from starts that are fixed beforehand, of which only those after some moment count. */
export interface StartsAfter {
  /** Adds the increments of requests from this second; what is older than the first start that counts adds nothing. */
  add(bucket: Instant, increments: ArrayLike<number>): void;
  /** ln of the sum over the starts, which is no more than an e-value. */
  log(now: Instant): number;
}

/**
 * The e-value of a moment that nobody knew beforehand. Its starts lie at fixed times after the exposure with fixed weights,
 * which sum to 1 over all time; an earlier moment takes in more of them and changes no other. So whatever makes the
 * moment earlier adds to the evidence: with starts that were counted from the moment on it could take some away.
 *
 * @param within only starts of so long ago count, where a rule looks at nothing older
 */
export function createStartsAfter(
  { alternatives }: StartDesign,
  exposed: Instant,
  moment: Instant,
  within: Milliseconds = Number.POSITIVE_INFINITY,
): StartsAfter {
  const first = startOf(moment - exposed) + 1;
  const totals: Float64Array[] = [];
  let known: { readonly now: Instant; readonly log: number } | undefined;
  return {
    add(bucket, increments) {
      const place = startOf(bucket - exposed) - first;
      if (place < 0) return;
      while (totals.length <= place) totals.push(new Float64Array(alternatives.length));
      const sums = totals[place]!;
      known = undefined;
      for (let j = 0; j < sums.length; j++) sums[j]! += Math.floor(increments[j]! / GRAIN) * GRAIN;
    },
    log(now) {
      if (known && (known.now === now || within === Number.POSITIVE_INFINITY)) return known.log;
      const at = new Float64Array(alternatives.length).fill(NOTHING);
      for (const [place, sums] of totals.entries()) {
        const start = first + place;
        const weight = exposed + momentOf(start) >= now - within ? weightOf(start) : 0;
        for (const [j, alternative] of alternatives.entries()) {
          const fresh = weight === 0 ? NOTHING : Math.log(weight * alternative.weight);
          at[j] = logSumExp([at[j]!, fresh]) + sums[j]!;
        }
      }
      known = { now, log: logSumExp(at) };
      return known.log;
    },
  };
}

/** The number of the last start at or before a moment after the exposure. */
function startOf(since: Milliseconds): number {
  if (since < 0) return -1;
  const octave = Math.floor(Math.log2(1 + since / OCTAVE));
  return STARTS * octave + Math.floor((STARTS * (since - beginningOf(octave))) / (OCTAVE * 2 ** octave));
}

function momentOf(start: number): Milliseconds {
  const octave = Math.floor(start / STARTS);
  return beginningOf(octave) + ((start % STARTS) * OCTAVE * 2 ** octave) / STARTS;
}

function beginningOf(octave: number): Milliseconds {
  return OCTAVE * (2 ** octave - 1);
}

/** An octave has 2 / ((o + 2) (o + 3)), and its starts share that equally. */
function weightOf(start: number): number {
  const octave = Math.floor(start / STARTS);
  return 2 / ((octave + 2) * (octave + 3) * STARTS);
}
