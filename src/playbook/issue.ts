/** Every way in which a playbook can be wrong. Codes never change; docs/playbook.md lists them, and a test compares. */
export const issueCodes = {
  TOO_LARGE: "The file is larger than 256 KiB.",
  EMPTY: "The file holds no playbook.",
  NOT_UTF8: "The file's bytes are not UTF-8.",
  HIDDEN_CHARACTER: "A control character or one that changes the direction of text: people would read something else.",
  TAB: "A line is indented with a tab.",
  TOO_DEEP: "Blocks are nested deeper than any playbook is.",
  YAML_SYNTAX: "The text is not YAML.",
  SEVERAL_DOCUMENTS: "More than one YAML document in the file.",
  YAML_DIRECTIVE: "A YAML directive such as `%YAML 1.1`.",
  YAML_ALIAS: "An anchor, an alias or a merge key.",
  YAML_TAG: "A YAML tag such as `!!str`.",
  YAML_KEY: "A key that is not one plain word.",
  YAML_BOOLEAN: "A bare word that YAML 1.1 reads as true or false.",
  YAML_NULL: "A bare word that YAML reads as nothing.",
  YAML_NUMBER: "A number that YAML 1.1 and YAML 1.2 read differently.",
  DUPLICATE_KEY: "A key stands twice in one block.",
  FORBIDDEN_KEY: "A key such as `__proto__`.",
  UNKNOWN_KEY: "A key that the language does not have.",
  KEY_NOT_SUPPORTED: "A key of the language that has no effect yet, under `authority: act`.",
  VALUE_NOT_SUPPORTED: "A value of the language that has no effect yet, or that this version cannot take at all.",
  MISSING_KEY: "A key that must be there is not.",
  MISSING_VALUE: "A key without a value.",
  CONFLICTING_KEYS: "Two keys that exclude each other.",
  WRONG_KIND: "A block, a list or a single value where another of them belongs.",
  WRONG_VERSION: "The language's version is not `v1`.",
  UNKNOWN_WORD: "A word that is not one of the choices.",
  BAD_NAME: "A name that is not lower-case letters, digits and dashes, or that the language uses itself.",
  BAD_ADDRESS: "A value that is not an address `scheme://place`.",
  BAD_VALUE: "A number, span, rate or condition that cannot be read.",
  WRONG_UNIT: "A number without its unit, or with another one.",
  OUT_OF_RANGE: "A number outside its range.",
  TOO_MANY: "More items than a playbook may have.",
  UNKNOWN_SIGNAL: "A signal that `signals` does not declare.",
  WRONG_DIRECTION: "A claim that calls good news harm.",
  NO_TRIGGER: "No trigger with a claim in `when`.",
  NO_CRITERION: "No criterion in `fixed`.",
  NO_ROUTE: "No component called `route`, and none with a `gateway://` address.",
  SEVERAL_ROUTES: "More than one component that is a route.",
  SAME_ADDRESS: "Two components at one address.",
  CANARY_ORDER: "Canary steps that do not rise, or leave no room for the holdback.",
} as const satisfies Record<string, string>;

export type IssueCode = keyof typeof issueCodes;

/** One mistake in a playbook: where it is, what is wrong and why, and what to do. Lines and columns count from 1. */
export interface Issue {
  readonly code: IssueCode;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint: string;
}

/** A key or value that is read and checked, and that nothing acts on in this version. */
export interface Idle {
  readonly code: "KEY_NOT_SUPPORTED" | "VALUE_NOT_SUPPORTED";
  readonly offset: number;
  readonly message: string;
  /** What to write instead. */
  readonly instead: string;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A file with more mistakes than this is another kind of file; the rest is not listed. */
const MOST_ISSUES = 1000;

/** Gathers the issues of one file. Offsets and columns count UTF-16 units, as editors do. */
export class IssueList {
  readonly #file: string;
  readonly #lineStarts: number[] = [0];
  readonly #length: number;
  readonly #idle: Idle[] = [];
  readonly #found: { readonly offset: number; readonly issue: Issue }[] = [];

  constructor(file: string, text: string) {
    this.#file = file;
    this.#length = text.length;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#lineStarts.push(at + 1);
  }

  add(code: IssueCode, offset: number, message: string, hint: string): void {
    if (this.#found.length >= MOST_ISSUES) return;
    this.#found.push({ offset, issue: { code, file: this.#file, ...this.position(offset), message, hint } });
  }

  /** Notes what has no effect yet. Who knows the authority decides whether that is a mistake. */
  addIdle(code: Idle["code"], offset: number, message: string, instead: string): void {
    if (this.#idle.length < MOST_ISSUES) this.#idle.push({ code, offset, message, instead });
  }

  get idle(): readonly Idle[] {
    return this.#idle;
  }

  /** Makes mistakes of all that has no effect yet: a playbook that acts must not promise what nobody does. */
  refuseIdle(): void {
    for (const { code, offset, message, instead } of this.#idle) {
      this.add(code, offset, `${message} Under \`authority: act\` it would promise what nobody does.`, instead);
    }
  }

  position(offset: number): Position {
    const at = Math.max(0, Math.min(offset, this.#length));
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - (this.#lineStarts[low] ?? 0) + 1 };
  }

  get isEmpty(): boolean {
    return this.#found.length === 0;
  }

  /** In the order of the file. */
  all(): readonly Issue[] {
    return [...this.#found].sort((a, b) => a.offset - b.offset).map((found) => found.issue);
  }
}

/** Control and format characters (also those that change the direction of text), lone surrogates, line separators. */
export const hiddenCharacter = /[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]--[\t\n\r]]/v;

/** Text with a mark in place of everything hidden, safe to show in a terminal. */
export function visible(text: string): string {
  return text.replace(new RegExp(hiddenCharacter, "gv"), "\ufffd");
}

/** Text from the file as it may be shown in a terminal: short, on one line, nothing hidden. */
export function quote(value: string): string {
  const shown = visible(value.replace(/\s+/g, " "));
  return `\`${shown.length > 60 ? `${shown.slice(0, 57)}...` : shown}\``;
}
