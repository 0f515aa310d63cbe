import type { Token } from "./tokens.ts";

/** One thing that a file imports; undefined where the specifier is computed. */
export interface Import {
  readonly specifier: string | undefined;
  readonly line: number;
}

/**
 * Every import of a file: `import x from`, `import type`, bare `import "x"`, `export ... from`, `import("x")` as a
 * value or a type, `import x = require()` and `require()`.
 */
export function importsOf(tokens: readonly Token[]): readonly Import[] {
  const found: Import[] = [];
  const at = (index: number): Token | undefined => tokens[index];
  const is = (index: number, value: string) => at(index)?.kind !== "text" && at(index)?.value === value;

  tokens.forEach((token, index) => {
    if (token.kind !== "word" || is(index - 1, ".")) return;
    if (token.value === "from" && at(index + 1)?.kind === "text" && !is(index + 1, "${")) {
      if (declares(tokens, index)) found.push({ specifier: at(index + 1)?.value, line: token.line });
    } else if (token.value === "import" && at(index + 1)?.kind === "text") {
      found.push({ specifier: at(index + 1)?.value, line: token.line });
    } else if (["import", "require"].includes(token.value) && is(index + 1, "(")) {
      const literal = at(index + 2)?.kind === "text" && !is(index + 3, "${") && !is(index + 3, "+");
      found.push({ specifier: literal ? at(index + 2)?.value : undefined, line: token.line });
    }
  });
  return found;
}

/** Does this `from` end the names of an import or export, and is it not just a word before a text? */
function declares(tokens: readonly Token[], from: number): boolean {
  for (let index = from - 1; index >= 0; index--) {
    const token = tokens[index] as Token;
    if (token.kind === "word" && (token.value === "import" || token.value === "export")) return true;
    const name = token.kind === "word" || (token.kind === "sign" && ["{", "}", ",", "*"].includes(token.value));
    const quoted = token.kind === "text" && tokens[index + 1]?.value === "as";
    if (!name && !quoted) return false;
  }
  return false;
}
