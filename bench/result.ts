/** What a benchmark found: medians of interleaved rounds, and the ratios that travel between machines. */
export interface BenchResult {
  readonly name: string;
  readonly method: string;
  readonly rows: readonly { readonly subject: string; readonly figures: Readonly<Record<string, number>> }[];
  readonly ratios: Readonly<Record<string, number>>;
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
