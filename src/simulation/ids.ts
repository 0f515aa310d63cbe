import type { Ids, Random } from "../core/ports.ts";

/** Ids that repeat with the seed: kind, a counter that sorts, and four hex digits that tell worlds apart. */
export function createSeededIds(random: Random): Ids {
  let count = 0;
  return {
    next(kind) {
      const mark = Math.floor(random.next() * 0x10000);
      return `${kind}-${String(++count).padStart(6, "0")}-${mark.toString(16).padStart(4, "0")}`;
    },
  };
}
