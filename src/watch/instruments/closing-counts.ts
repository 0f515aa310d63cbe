import type { Instant, Milliseconds } from "../../core/time.ts";
import { STRIDES } from "./closing-seconds.ts";

/** `createClosingSeconds` for counts, `k` of `n`: in one array, the oldest second first. */
export interface ClosingCounts {
  /** Adds to what is known of this second; false when that was handed over before. */
  add(bucket: Instant, n: number, k: number): boolean;
  /** Would `close` hand over anything now? */
  isDue(now: Instant): boolean;
  /** Hands over the seconds that have become old enough, the oldest first, each once. */
  close(now: Instant, each: (bucket: Instant, n: number, k: number) => void): void;
}

const WIDTH = 3;
const SECOND: Milliseconds = 1000;

/** Memory is three numbers for each second that is open. */
export function createClosingCounts(wait: Milliseconds): ClosingCounts {
  return new CountRows(wait);
}

/** A class, since there are very many: one object each, and not one for every function. */
class CountRows implements ClosingCounts {
  readonly #wait: Milliseconds;
  /** Second, n and k, by time, from `first` up to `end`. */
  #rows = new Float64Array(8 * WIDTH);
  #first = 0;
  #end = 0;
  #edge = Number.NEGATIVE_INFINITY;

  constructor(wait: Milliseconds) {
    this.#wait = wait;
  }

  add(bucket: Instant, n: number, k: number): boolean {
    if (bucket <= this.#edge) return false;
    const place = this.#placeOf(Math.floor(bucket / SECOND));
    this.#rows[place + 1]! += n;
    this.#rows[place + 2]! += k;
    return true;
  }

  isDue(now: Instant): boolean {
    // In strides, so that looking through what is open costs little for each second.
    return now - this.#wait >= this.#edge + this.#wait / STRIDES;
  }

  close(now: Instant, each: (bucket: Instant, n: number, k: number) => void): void {
    if (!this.isDue(now)) return;
    this.#edge = now - this.#wait;
    const rows = this.#rows;
    for (; this.#first < this.#end && SECOND * rows[this.#first]! <= this.#edge; this.#first += WIDTH)
      each(SECOND * rows[this.#first]!, rows[this.#first + 1]!, rows[this.#first + 2]!);
  }

  /** Where a second stands, or is put: most often at the end. */
  #placeOf(second: number): number {
    const last = this.#end - WIDTH;
    if (last >= this.#first && this.#rows[last] === second) return last;
    let place = this.#end;
    while (place > this.#first && this.#rows[place - WIDTH]! >= second) place -= WIDTH;
    if (place < this.#end && this.#rows[place] === second) return place;
    const fromEnd = this.#end - place;
    this.#makeRoom();
    place = this.#end - fromEnd;
    if (fromEnd > 0) this.#rows.copyWithin(place + WIDTH, place, this.#end);
    this.#rows[place] = second;
    this.#rows[place + 1] = 0;
    this.#rows[place + 2] = 0;
    this.#end += WIDTH;
    return place;
  }

  /** Room for one more at the end: by what was closed in front, or by half as much again. */
  #makeRoom(): void {
    const rows = this.#rows;
    if (this.#end < rows.length) return;
    const next =
      this.#first * 3 >= rows.length ? rows : new Float64Array(WIDTH * Math.ceil((rows.length / WIDTH) * 1.5));
    next.set(rows.subarray(this.#first, this.#end));
    this.#rows = next;
    this.#end -= this.#first;
    this.#first = 0;
  }
}
