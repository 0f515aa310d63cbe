import { emptyRoot, HASH_SIZE, nodeHash, splitOf } from "./merkle.ts";

/**
 * A log's hashes in memory, 64 bytes a leaf: roots and proofs for every size so far, each in logarithmic time.
 * Level 0 holds the hashes of the leaves, level n the roots of the perfect subtrees of 2^n leaves.
 */
export class Tree {
  readonly #levels: HashList[] = [];

  get size(): number {
    return this.#levels[0]?.length ?? 0;
  }

  append(hash: Buffer): void {
    let top = hash;
    for (let height = 0; ; height += 1) {
      const level = this.#levels[height] ?? new HashList();
      this.#levels[height] = level;
      level.push(top);
      if (level.length % 2 === 1) return;
      top = nodeHash(level.at(level.length - 2), top);
    }
  }

  /** The hash of one leaf. Throws RangeError for an index outside the log. */
  leaf(index: number): Buffer {
    assertWithin(index, 0, this.size - 1);
    return (this.#levels[0] as HashList).at(index);
  }

  /** The root of the first `size` leaves. Throws RangeError for more leaves than there are. */
  root(size = this.size): Buffer {
    assertWithin(size, 0, this.size);
    return size === 0 ? emptyRoot() : this.#range(0, size);
  }

  /** PATH of RFC 9162 §2.1.3.1: the hashes that lead from a leaf to the root of a size. Throws RangeError. */
  inclusion(index: number, size = this.size): readonly Buffer[] {
    assertWithin(size, 1, this.size);
    assertWithin(index, 0, size - 1);
    const path: Buffer[] = [];
    for (let [start, end] = [0, size]; end - start > 1; ) {
      const middle = start + splitOf(end - start);
      const goesLeft = index < middle;
      path.push(goesLeft ? this.#range(middle, end) : this.#range(start, middle));
      if (goesLeft) end = middle;
      else start = middle;
    }
    return path.reverse();
  }

  /** PROOF of RFC 9162 §2.1.4.1: that the log of `to` leaves begins with the log of `from`. Throws RangeError. */
  consistency(from: number, to = this.size): readonly Buffer[] {
    assertWithin(to, 1, this.size);
    assertWithin(from, 1, to);
    const path: Buffer[] = [];
    let [start, end] = [0, to];
    while (from !== end) {
      const middle = start + splitOf(end - start);
      const goesLeft = from <= middle;
      path.push(goesLeft ? this.#range(middle, end) : this.#range(start, middle));
      if (goesLeft) end = middle;
      else start = middle;
    }
    // The verifier has the old root; only where it lies inside the new tree must its last subtree be named.
    if (start > 0) path.push(this.#range(start, end));
    return path.reverse();
  }

  /** The root of the leaves from start to end, where start is a multiple of the largest subtree in the range. */
  #range(start: number, end: number): Buffer {
    const size = end - start;
    const height = Math.log2(size);
    if (Number.isInteger(height)) return (this.#levels[height] as HashList).at(start / size);
    const middle = start + splitOf(size);
    return nodeHash(this.#range(start, middle), this.#range(middle, end));
  }
}

/** Hashes in one growing block: a Buffer object for each would cost four times the memory. */
class HashList {
  #bytes = Buffer.alloc(16 * HASH_SIZE);
  length = 0;

  push(hash: Buffer): void {
    if ((this.length + 1) * HASH_SIZE > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    hash.copy(this.#bytes, this.length * HASH_SIZE);
    this.length += 1;
  }

  at(place: number): Buffer {
    return Buffer.from(this.#bytes.subarray(place * HASH_SIZE, (place + 1) * HASH_SIZE));
  }
}

function assertWithin(value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new RangeError(`${value} is not within ${least} and ${most}`);
}
