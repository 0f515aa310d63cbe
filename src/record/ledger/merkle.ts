import { createHash } from "node:crypto";

/** Bytes of a SHA-256 hash. */
export const HASH_SIZE = 32;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The root of a log without leaves: the hash of nothing (RFC 9162 §2.1.1). */
export function emptyRoot(): Buffer {
  return createHash("sha256").digest();
}

/** SHA-256(0x00 || leaf), over the UTF-8 of a text (RFC 9162 §2.1.1). */
export function leafHash(leaf: string | Uint8Array): Buffer {
  return createHash("sha256").update(LEAF).update(leaf).digest();
}

/** SHA-256(0x01 || left || right) (RFC 9162 §2.1.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash("sha256").update(NODE).update(left).update(right).digest();
}

/** The largest power of two that is smaller than a size of at least 2: where RFC 9162 splits a tree. */
export function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/**
 * The compact range of a growing log: the roots of its perfect subtrees, largest first. All that is needed to append
 * and to know the root, in memory that grows with the logarithm of the size.
 */
export class Frontier {
  readonly #subtrees: Buffer[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  append(hash: Buffer): void {
    let top = hash;
    // Each trailing one bit of the size is a perfect subtree that this leaf completes with its neighbour.
    for (let size = this.#size; size % 2 === 1; size = Math.floor(size / 2))
      top = nodeHash(this.#subtrees.pop() as Buffer, top);
    this.#subtrees.push(top);
    this.#size += 1;
  }

  root(): Buffer {
    return this.#subtrees.length === 0
      ? emptyRoot()
      : this.#subtrees.reduceRight((right, left) => nodeHash(left, right));
  }
}
