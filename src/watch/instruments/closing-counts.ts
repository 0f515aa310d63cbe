import type { Instant, Milliseconds } from "../../core/time.ts";
import { STRIDES } from "./closing-seconds.ts";

/** `createClosingSeconds` for counts, `k` of `n`: in one array, the oldest second first. */
export interface ClosingCounts {
  /** Adds to what is known of this second; false when that was handed over before. */
  add(bucket: Instant, n: number, k: number): boolean;
  /** Hands over the seconds that have become old enough, the oldest first, each once. */
  close(now: Instant, each: (bucket: Instant, n: number, k: number) => void): void;
}

const WIDTH = 3;
const SECOND: Milliseconds = 1000;

/** Memory is three numbers for each second that is open. */
export function createClosingCounts(wait: Milliseconds): ClosingCounts {
  /** Second, n and k, by time, from `first` up to `end`. */
  let rows = new Float64Array(8 * WIDTH);
  let first = 0;
  let end = 0;
  let edge = Number.NEGATIVE_INFINITY;

  /** Room for one more at the end: by what was closed in front, or by half as much again. */
  function makeRoom(): void {
    if (end < rows.length) return;
    const open = rows.subarray(first, end);
    const next = first * 4 >= rows.length ? rows : new Float64Array(WIDTH * Math.ceil((rows.length / WIDTH) * 1.5));
    next.set(open);
    rows = next;
    end -= first;
    first = 0;
  }

  /** Where a second stands, or is put: most often at the end. */
  function placeOf(second: number): number {
    let place = end;
    while (place > first && rows[place - WIDTH]! >= second) place -= WIDTH;
    if (place < end && rows[place] === second) return place;
    const fromEnd = end - place;
    makeRoom();
    place = end - fromEnd;
    rows.copyWithin(place + WIDTH, place, end);
    rows[place] = second;
    rows[place + 1] = 0;
    rows[place + 2] = 0;
    end += WIDTH;
    return place;
  }

  return {
    add(bucket, n, k) {
      if (bucket <= edge) return false;
      const place = placeOf(Math.floor(bucket / SECOND));
      rows[place + 1]! += n;
      rows[place + 2]! += k;
      return true;
    },
    close(now, each) {
      // In strides, so that looking through what is open costs little for each second.
      if (now - wait < edge + wait / STRIDES) return;
      edge = now - wait;
      for (; first < end && SECOND * rows[first]! <= edge; first += WIDTH)
        each(SECOND * rows[first]!, rows[first + 1]!, rows[first + 2]!);
    },
  };
}
