const lists = new Map<string, readonly number[]>();
const MOST = 1000;

/**
 * The same list for equal numbers, bit for bit: most tests have the same weights, and those of rare outcomes the same
 * effects, so what thousands of them look at is in memory once. Up to 1000 lists are kept; then lists are their own.
 */
export function sharedList(numbers: readonly number[]): readonly number[] {
  const key = numbers.join();
  const known = lists.get(key);
  if (known) return known;
  if (lists.size < MOST) lists.set(key, numbers);
  return numbers;
}
