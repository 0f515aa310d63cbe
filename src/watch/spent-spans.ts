/** So many spans are remembered. */
const MOST = 32;

/** The newest spans whose reference was compared, at any node. */
export class SpentSpans {
  readonly #numbers: number[] = [];

  add(number: number): void {
    if (this.#numbers.at(-1) === number) return;
    this.#numbers.push(number);
    if (this.#numbers.length > MOST) this.#numbers.shift();
  }

  has(number: number): boolean {
    return this.#numbers.includes(number);
  }
}
