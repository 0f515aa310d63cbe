import type { Random } from "../core/ports.ts";

/** Chance that comes from a seed: the same seed gives the same draws on every machine. */
export interface SeededRandom extends Random {
  readonly seed: string;
  /** An independent stream of the same world, so that draws of one part never shift those of another. */
  fork(name: string): SeededRandom;
}

/**
 * sfc32, "small fast counting" (Chris Doty-Humphrey, PractRand): 128 bits of state, period at least 2^32 and about
 * 2^127 on average. The state is filled by SplitMix32 from two FNV-1a hashes of the seed, and warmed up over 12
 * rounds as its author does. Each draw joins two outputs to 53 bits. For simulation only, never for secrets.
 */
export function createSeededRandom(seed: number | string): SeededRandom {
  const name = String(seed);
  const fill = splitMix32(fnv1a(name, 0x811c9dc5));
  let [a, b, c, counter] = [fill(), splitMix32(fnv1a(name, 0x2f0b4c47))(), fill(), 1];

  function next32(): number {
    const out = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + out;
    c |= 0;
    return out >>> 0;
  }
  for (let round = 0; round < 12; round++) next32();

  return {
    seed: name,
    next: () => ((next32() >>> 5) * 0x4000000 + (next32() >>> 6)) / 0x20000000000000,
    fork: (branch) => createSeededRandom(`${name}/${branch}`),
  };
}

/** SplitMix32: the 32-bit sibling of SplitMix64 (Steele, Lea, Flood 2014), with the finaliser of MurmurHash3. */
function splitMix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
}

function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
