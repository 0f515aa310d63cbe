/** What is kept grows by a quarter at a time. */
const GROWTH = 1.25;
const NOTHING_YET = new Float64Array(0);

/**
 * Numbers that change, of all that is looked at together, side by side: memory is fetched in stretches, so what lies apart is
 * waited for once for each part of it.
 */
export class NumberShelf {
  /** Replaced while parts are taken: ask for it anew on every use. */
  numbers = NOTHING_YET;
  #used = 0;

  /** Room for so many numbers, 0 at first. Answers the place of the first. */
  take(count: number): number {
    const place = this.#used;
    this.#used += count;
    if (this.#used > this.numbers.length) {
      const grown = new Float64Array(place === 0 ? count : Math.ceil(this.#used * GROWTH));
      grown.set(this.numbers);
      this.numbers = grown;
    }
    return place;
  }
}
