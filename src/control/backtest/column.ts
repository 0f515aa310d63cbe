/** Numbers that are appended one by one; 8 bytes each. */
export interface Column {
  readonly length: number;
  push(value: number): void;
  get(row: number): number;
  add(row: number, more: number): void;
}

/** So many rows lie in one block: growing copies nothing. */
const BLOCK = 1 << 16;

export function createColumn(): Column {
  const blocks: Float64Array[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(value) {
      if (length % BLOCK === 0) blocks.push(new Float64Array(BLOCK));
      blocks[blocks.length - 1]![length % BLOCK] = value;
      length++;
    },
    get: (row) => blocks[row >> 16]![row & (BLOCK - 1)]!,
    add(row, more) {
      blocks[row >> 16]![row & (BLOCK - 1)]! += more;
    },
  };
}

/** Few words that many rows name: each has a number. */
export interface Words {
  of(word: string): number;
  word(number: number): string;
  readonly all: readonly string[];
}

export function createWords(): Words {
  const numbers = new Map<string, number>();
  const all: string[] = [];
  return {
    all,
    of(word) {
      const known = numbers.get(word);
      if (known !== undefined) return known;
      numbers.set(word, all.length);
      return all.push(word) - 1;
    },
    word: (number) => all[number]!,
  };
}
