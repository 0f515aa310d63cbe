/** What a condition compares: `result[0]` with a number. */
export interface Comparison {
  /** The value as written, without the functions around it. */
  readonly subject: string;
  readonly operator: "<" | "<=" | ">" | ">=" | "==" | "!=";
  readonly limit: number;
}

/** A condition of Argo Rollouts as a tree: comparisons with numbers, what is said about missing values, and the rest. */
export type Condition =
  | ({ readonly kind: "compare" } & Comparison)
  /** About a value that is not there: `isNaN(result)`, `len(result) == 0`, `result == nil`. */
  | { readonly kind: "missing"; readonly text: string }
  | { readonly kind: "and" | "or"; readonly parts: readonly Condition[] }
  | { readonly kind: "not"; readonly part: Condition }
  /** Readable, and nothing to count: `result == true`. */
  | { readonly kind: "other"; readonly text: string };

export interface ConditionFlaw {
  readonly kind: "unreadable";
  /** Counts from 0, in the condition. */
  readonly at: number;
  readonly message: string;
}

interface Token {
  readonly text: string;
  readonly at: number;
}

const TOKEN =
  /\s*(?:(\|\||&&|[<>=!]=|[<>!()[\],#{}.*/+-]|\?\.|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|"[^"]*"|'[^']*'|[A-Za-z_]\w*)|$)/y;
const NUMBER = /^\d/;
const WORD = /^[A-Za-z_]/;
const TURNED: Readonly<Record<string, Comparison["operator"]>> = {
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
  "==": "==",
  "!=": "!=",
};

/**
 * Reads a `successCondition` or `failureCondition`, such as `result[0] >= 0.95`. Nothing is evaluated. The language is
 * expr's (https://expr-lang.org); read is the part of it that people use for limits.
 */
export function readCondition(text: string): Condition | ConditionFlaw {
  try {
    return new ConditionParser(text).whole();
  } catch (error) {
    if (error instanceof Unreadable) return { kind: "unreadable", at: error.at, message: error.message };
    throw error;
  }
}

class Unreadable extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** A side of a comparison. */
type Operand =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "value" | "length" | "literal"; readonly text: string; readonly instead?: string };

/** Deeper nesting is nothing that people write. */
const MAX_DEPTH = 32;

class ConditionParser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  whole(): Condition {
    const condition = this.#any();
    if (this.#peek() !== "") this.#fail("ends the condition early");
    return condition;
  }

  #any(): Condition {
    return this.#joined("or", ["||", "or"], () =>
      this.#joined("and", ["&&", "and"], () => this.#deeper(() => this.#one())),
    );
  }

  /** Everything that can be nested is read through this. */
  #deeper<Read>(read: () => Read): Read {
    if (++this.#depth > MAX_DEPTH) this.#fail("is nested too deeply");
    const inside = read();
    this.#depth--;
    return inside;
  }

  #joined(kind: "and" | "or", words: readonly string[], read: () => Condition): Condition {
    const parts = [read()];
    while (words.includes(this.#peek())) {
      this.#take();
      parts.push(read());
    }
    return parts.length === 1 ? parts[0]! : { kind, parts };
  }

  #one(): Condition {
    const begin = this.#place();
    if (["!", "not"].includes(this.#peek())) {
      this.#take();
      return { kind: "not", part: this.#deeper(() => this.#one()) };
    }
    if (this.#peek() === "(") {
      this.#take();
      const inside = this.#any();
      this.#expect(")");
      return inside;
    }
    const word = this.#peek();
    if (["isNaN", "isInf", "isNil"].includes(word)) {
      this.#take();
      this.#skipBrackets();
      return { kind: "missing", text: this.#since(begin) };
    }
    if (["all", "any"].includes(word)) return this.#each(word);
    const left = this.#operand();
    const operator = this.#peek();
    if (!Object.hasOwn(TURNED, operator)) return { kind: "other", text: this.#since(begin) };
    this.#take();
    return compared(left, operator, this.#operand(), () => this.#since(begin));
  }

  /** `all(result, # < 1000)`: a limit for each value. */
  #each(word: string): Condition {
    this.#take();
    this.#expect("(");
    this.#operand();
    this.#expect(",");
    const braces = this.#peek() === "{";
    if (braces) this.#take();
    const inside = this.#any();
    if (braces) this.#expect("}");
    this.#expect(")");
    return word === "all" ? inside : { kind: "or", parts: [inside] };
  }

  #operand(): Operand {
    const begin = this.#place();
    const sign = this.#peek() === "-" ? -1 : 1;
    if (sign < 0) this.#take();
    const first = this.#take();
    if (NUMBER.test(first)) return { kind: "number", value: sign * Number(first) };
    if (/^["']/.test(first) || ["true", "false", "nil"].includes(first)) return { kind: "literal", text: first };
    if (first === "#") return { kind: "value", text: "#" };
    if (!WORD.test(first)) this.#fail("is no value", this.#next - 1);
    if (this.#peek() !== "(") {
      this.#path();
      return { kind: "value", text: this.#since(begin) };
    }
    this.#take();
    return this.#call(first, begin);
  }

  #call(name: string, begin: number): Operand {
    if (!["asFloat", "asInt", "float", "int", "len", "default"].includes(name)) {
      this.#fail(`is a function that is not read here: ${name}()`, this.#next - 2);
    }
    const inner = this.#deeper(() => this.#operand());
    const text = inner.kind === "number" ? String(inner.value) : inner.text;
    if (name !== "default") {
      this.#expect(")");
      return { kind: name === "len" ? "length" : "value", text };
    }
    this.#expect(",");
    this.#deeper(() => this.#operand());
    this.#expect(")");
    this.#path();
    return { kind: "value", text, instead: this.#since(begin) };
  }

  /** `[0].value`, `?.name` after a name. */
  #path(): void {
    for (let token = this.#peek(); [".", "?.", "["].includes(token); token = this.#peek()) {
      this.#take();
      this.#take();
      if (token === "[") this.#expect("]");
    }
  }

  #skipBrackets(): void {
    this.#expect("(");
    this.#operand();
    this.#expect(")");
  }

  #peek(): string {
    return this.#tokens[this.#next]?.text ?? "";
  }

  #place(): number {
    return this.#tokens[this.#next]?.at ?? this.#text.length;
  }

  #take(): string {
    const token = this.#peek();
    if (token === "") this.#fail("is where something is missing");
    this.#next++;
    return token;
  }

  #expect(token: string): void {
    if (this.#peek() !== token) this.#fail(`stands where \`${token}\` belongs`);
    this.#next++;
  }

  #since(begin: number): string {
    const last = this.#tokens[this.#next - 1];
    return this.#text.slice(begin, (last?.at ?? 0) + (last?.text.length ?? 0));
  }

  #fail(message: string, at = this.#next): never {
    const token = this.#tokens[at];
    const what = token ? `\`${token.text}\`` : "the end";
    throw new Unreadable(token?.at ?? this.#text.length, `${what} ${message}`);
  }
}

function compared(left: Operand, operator: string, right: Operand, text: () => string): Condition {
  if (left.kind === "number" && right.kind !== "number") return compared(right, TURNED[operator]!, left, text);
  const about = left.kind === "length" || (right.kind === "literal" && right.text === "nil");
  if (about) return { kind: "missing", text: text() };
  if (left.kind !== "value" || right.kind !== "number") return { kind: "other", text: text() };
  const compare: Condition = {
    kind: "compare",
    subject: left.text,
    operator: operator as Comparison["operator"],
    limit: right.value,
  };
  return left.instead === undefined
    ? compare
    : { kind: "or", parts: [compare, { kind: "missing", text: left.instead }] };
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) {
      const place = at + (/\S/.exec(text.slice(at))?.index ?? 0);
      throw new Unreadable(place, `\`${text[place]}\` is no part of a condition`);
    }
    if (match[1] !== undefined) tokens.push({ text: match[1], at: TOKEN.lastIndex - match[1].length });
  }
  return tokens;
}
