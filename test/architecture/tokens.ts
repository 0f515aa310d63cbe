/** A word, a text, or a sign of a TypeScript source; comments and regular expressions are gone. */
export interface Token {
  readonly kind: "word" | "text" | "sign";
  /** Of a text: what stands between the quotes. */
  readonly value: string;
  readonly line: number;
}

/** After these words a slash begins a regular expression and does not divide. */
const BEFORE_REGEX = new Set(
  "return typeof case in of do else void delete throw new await yield instanceof default".split(" "),
);
const BLANK = /[ \t\r]+/y;
const LINE_COMMENT = /\/\/[^\n]*|#![^\n]*/y;
const BLOCK_COMMENT = /\/\*[\s\S]*?\*\//y;
const WORD = /[\p{ID_Start}$_#@][\p{ID_Continue}$\u200c\u200d]*/uy;
const NUMBER = /\d[\w.]*/y;
const TEXT = /"((?:[^"\\\n]|\\[\s\S])*)"|'((?:[^'\\\n]|\\[\s\S])*)'/y;
const REGEX = /\/(?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const TEMPLATE_PART = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y;

/** Enough of a scanner to tell code from comments, texts and templates; what templates embed is scanned as code. */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let place = 0;
  let line = 1;
  /** For each template that we are inside of: how many braces are open in its embedded code. */
  const braces: number[] = [];

  function take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = place;
    const match = pattern.exec(source);
    if (match === null) return undefined;
    place += match[0].length;
    for (const character of match[0]) if (character === "\n") line++;
    return match;
  }

  function templatePart(): void {
    const began = line;
    const text = take(TEMPLATE_PART)?.[0] ?? "";
    tokens.push({ kind: "text", value: text, line: began });
    if (source.startsWith("${", place)) {
      place += 2;
      braces.push(0);
      tokens.push({ kind: "sign", value: "${", line });
    } else place++;
  }

  function sign(): void {
    const value = source[place++] as string;
    const depth = braces.length - 1;
    if (value === "\n") line++;
    else if (value === "`") templatePart();
    else if (value === "}" && braces[depth] === 0) {
      braces.pop();
      tokens.push({ kind: "sign", value: "$}", line });
      templatePart();
    } else {
      if (value === "{" && depth >= 0) braces[depth]!++;
      if (value === "}" && depth >= 0) braces[depth]!--;
      tokens.push({ kind: "sign", value, line });
    }
  }

  while (place < source.length) {
    if (take(BLANK) || take(LINE_COMMENT) || take(BLOCK_COMMENT)) continue;
    const began = line;
    const text = take(TEXT);
    if (text) {
      tokens.push({ kind: "text", value: text[1] ?? text[2] ?? "", line: began });
      continue;
    }
    const word = take(WORD) ?? take(NUMBER);
    if (word) tokens.push({ kind: "word", value: word[0], line });
    else if (!(mayStartRegex(tokens.at(-1)) && take(REGEX))) sign();
  }
  return tokens;
}

function mayStartRegex(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === "text") return false;
  if (before.kind === "word") return BEFORE_REGEX.has(before.value);
  return ![")", "]", "}"].includes(before.value);
}
