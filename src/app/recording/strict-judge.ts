/** Says whether an answer is right; without a model, without mercy, the same every time. */
export type StrictJudge = (reference: string, answer: string) => boolean;

const fold = (text: string): string => text.trim().toLowerCase();
const bare = (reference: string): string => fold(reference).replace(/^\[(.*)\]$/, "$1");

interface JudgedRow {
  readonly reference: string;
  readonly answer: string;
}

/**
 * The judge of a recording. Where references appear in [brackets] in any answer, an answer is right when the references
 * that it holds in brackets are exactly its own one: two different ones or none are wrong. Else an answer is right when
 * it equals the reference. White space around and upper case never matter.
 */
export function strictJudge(rows: readonly JudgedRow[]): StrictJudge {
  const references = new Set(rows.map(({ reference }) => bare(reference)));
  const bracketed = (answer: string): ReadonlySet<string> =>
    new Set(
      [...answer.matchAll(/\[([^[\]]*)\]/g)].map((match) => fold(match[1]!)).filter((word) => references.has(word)),
    );
  if (!rows.some(({ answer }) => bracketed(answer).size > 0))
    return (reference, answer) => fold(answer) === fold(reference);
  return (reference, answer) => {
    const found = bracketed(answer);
    return found.size === 1 && found.has(bare(reference));
  };
}
