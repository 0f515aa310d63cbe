/** What a benchmark found: medians of interleaved rounds, and the ratios that travel between machines. */
export interface BenchResult {
  readonly name: string;
  readonly method: string;
  readonly rows: readonly { readonly subject: string; readonly figures: Readonly<Record<string, number>> }[];
  readonly ratios: Readonly<Record<string, number>>;
  /** What must be reached: the greatest value that does, and the one measured. */
  readonly bars?: readonly Bar[];
}

export interface Bar {
  readonly what: string;
  readonly bar: number;
  readonly measured: number;
  /** Of an upper limit: the lower one. Where that is within the bar, more rollouts may show that it is reached. */
  readonly atLeast?: number;
  /** Why the measured value may be off, or what it rests on. */
  readonly note?: string;
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
