/** By their sum: whether two are equal is seen by comparing them. */
const lists = new Map<number, (readonly number[])[]>();
const MOST = 1000;
let kept = 0;

/**
 * The same list for equal numbers, bit for bit: most tests have the same weights, and those of rare outcomes the same
 * effects, so what thousands of them look at is in memory once. Up to 1000 lists are kept; then lists are their own.
 */
export function sharedList(numbers: readonly number[]): readonly number[] {
  let sum = 0;
  for (const number of numbers) sum += number;
  const alike = lists.get(sum) ?? [];
  const known = alike.find((list) => isEqual(list, numbers));
  if (known) return known;
  if (kept++ < MOST) lists.set(sum, [...alike, numbers]);
  return numbers;
}

function isEqual(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((number, index) => Object.is(number, other[index]));
}
