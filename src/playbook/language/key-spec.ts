/** How a value is written; the JSON Schema is made from it, and the parser's readers are checked against that. */
export type ValueSpec =
  | { readonly kind: "name" | "address" | "flag" }
  /** A text of this pattern; `from` and `to` bound the plain number that YAML may make of it. */
  | {
      readonly kind: "text";
      readonly pattern: string;
      readonly number?: { readonly from: number; readonly to: number };
    }
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "list"; readonly of: ValueSpec; readonly least: number; readonly most: number }
  | { readonly kind: "either"; readonly of: readonly ValueSpec[] }
  /** A block of the language, by its name in the table. */
  | { readonly kind: "block"; readonly block: string };

/** One key of the language. */
export interface KeySpec {
  readonly need: "must" | "may";
  /** What to write, as hints and editors show it. */
  readonly example: string;
  /** What it says, for people. */
  readonly meaning: string;
  readonly value: ValueSpec;
  /** The need in words, where "required" and "optional" do not say it all. */
  readonly said?: string;
  /** Set while nothing acts on the key: what to do instead. Refused under `authority: act`, a warning under `observe`. */
  readonly instead?: string;
}

/** One block: its own keys, and where its other keys are names, what stands under them. */
export interface BlockSpec {
  readonly where: string;
  readonly keys: Readonly<Record<string, KeySpec>>;
  /** What the names of a block such as `what` hold, and how many there may be. */
  readonly names?: { readonly value: ValueSpec; readonly least: number; readonly most: number; readonly spans?: true };
}

type More = Partial<Pick<KeySpec, "said" | "instead">>;

export const must = (example: string, value: ValueSpec, meaning: string, more: More = {}): KeySpec => ({
  need: "must",
  example,
  value,
  meaning,
  ...more,
});

export const may = (example: string, value: ValueSpec, meaning: string, more: More = {}): KeySpec => ({
  need: "may",
  example,
  value,
  meaning,
  ...more,
});
