/**
 * The word of a list that was most likely meant, or undefined when none is near: at most one slip for words of up to
 * four letters, two for up to eight, three beyond. A slip is a letter too many, too few, wrong, or swapped with its
 * neighbour (optimal string alignment distance).
 */
export function nearestWord(
  word: string,
  words: Iterable<string>,
  allowed = word.length <= 4 ? 1 : word.length <= 8 ? 2 : 3,
): string | undefined {
  let best: string | undefined;
  let bestSlips = allowed + 1;
  for (const candidate of words) {
    if (Math.abs(candidate.length - word.length) > allowed) continue;
    const slips = slipsBetween(word.toLowerCase(), candidate.toLowerCase());
    if (slips < bestSlips) [best, bestSlips] = [candidate, slips];
  }
  return best;
}

function slipsBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let slips = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + same);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        slips = Math.min(slips, beforeLast[column - 2]! + 1);
      }
      current.push(slips);
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length]!;
}

/** "Did you mean `x`?", or the whole choice where nothing is near. */
export function didYouMean(word: string, words: readonly string[]): string {
  const near = nearestWord(word, words);
  return near ? `Did you mean \`${near}\`?` : `Choose one of: ${words.join(", ")}.`;
}
