const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/**
 * MurmurHash3 x86-32 (Appleby, public domain), seed 0, over the UTF-8 bytes of `head:tail`; an unsigned 32-bit number.
 * Bytes are made on the way and never stored: no allocation. Hashing UTF-8 and not UTF-16 units is what makes the
 * assignment equal in every language; a lone surrogate counts as U+FFFD, as the WHATWG encoder writes it.
 */
export function murmur3(head: string, tail: string): number {
  const border = head.length;
  const total = border + 1 + tail.length;
  let hash = 0;
  let word = 0;
  let filled = 0;
  let length = 0;
  for (let i = 0; i < total; i++) {
    const unit = i < border ? head.charCodeAt(i) : i === border ? 58 : tail.charCodeAt(i - border - 1);
    let bytes = unit;
    let size = 1;
    if (unit >= 0x80) {
      const next = i < border ? head.charCodeAt(i + 1) : tail.charCodeAt(i - border);
      const paired = unit >= 0xd800 && unit < 0xdc00 && next >= 0xdc00 && next < 0xe000;
      bytes = paired ? fourBytes(unit, next) : unit < 0x800 ? twoBytes(unit) : threeBytes(unit);
      size = paired ? 4 : unit < 0x800 ? 2 : 3;
      if (paired) i++;
    }
    length += size;
    word |= bytes << (8 * filled);
    if (filled + size < 4) {
      filled += size;
      continue;
    }
    hash = Math.imul(rotate(hash ^ scramble(word), 13), 5) + 0xe6546b64;
    word = filled === 0 ? 0 : bytes >>> (8 * (4 - filled));
    filled += size - 4;
  }
  if (filled > 0) hash ^= scramble(word);
  return finish(hash ^ length);
}

function scramble(word: number): number {
  return Math.imul(rotate(Math.imul(word, C1), 15), C2);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

// UTF-8 sequences, first byte lowest, as the little-endian words of the hash want them.
function twoBytes(unit: number): number {
  return 0xc0 | (unit >> 6) | ((0x80 | (unit & 63)) << 8);
}

function threeBytes(unit: number): number {
  const point = unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit;
  return 0xe0 | (point >> 12) | ((0x80 | ((point >> 6) & 63)) << 8) | ((0x80 | (point & 63)) << 16);
}

function fourBytes(high: number, low: number): number {
  const point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  const tail = ((0x80 | ((point >> 12) & 63)) << 8) | ((0x80 | ((point >> 6) & 63)) << 16);
  return 0xf0 | (point >> 18) | tail | ((0x80 | (point & 63)) << 24);
}
