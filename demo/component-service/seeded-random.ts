/** A stream of numbers uniform in [0, 1), the same for the same seed. */
export type Uniform = () => number;

/** FNV-1a over the UTF-16 code units of a text, finished with the mixer of MurmurHash3 so that near texts fall far apart. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mix(hash);
}

/** The finaliser of MurmurHash3 (Appleby, public domain): a bijection on 32 bits. */
export function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Tommy Ettinger's mulberry32. Every place gets a stream of its own: `seededRandom(seed, stream, index)` does not
 * depend on how many numbers anything else has drawn.
 */
export function seededRandom(seed: number, stream = 0, index = 0): Uniform {
  let state = mix(mix(mix(seed) + stream) + index);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 4_294_967_296;
  };
}
