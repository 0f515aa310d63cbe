import type { IssueCode } from "./issue.ts";

type Translation = readonly [code: IssueCode, message: string, hint: string];

const quoteIt = "Put the value in quotes if it holds `: `, ` #`, a bracket or begins with a sign.";

/** What the YAML library's error codes mean to a person who writes a playbook. */
export const yamlErrors: { readonly OTHER: Translation } & Readonly<Record<string, Translation | "named-before">> = {
  OTHER: ["YAML_SYNTAX", "This is not YAML: something here is out of place.", quoteIt],
  ALIAS_PROPS: "named-before",
  BAD_ALIAS: "named-before",
  BAD_DIRECTIVE: "named-before",
  MULTIPLE_ANCHORS: "named-before",
  MULTIPLE_TAGS: "named-before",
  TAG_RESOLVE_FAILED: "named-before",
  BAD_PROP_ORDER: "named-before",
  BAD_COLLECTION_TYPE: "named-before",
  BAD_DQ_ESCAPE: [
    "YAML_SYNTAX",
    "An escape in this double-quoted text does not exist.",
    "Use single quotes, where a backslash is a backslash.",
  ],
  BAD_INDENT: [
    "YAML_SYNTAX",
    "The indentation of this line fits no block above it, or a bracket is still open.",
    "Keys of one block begin in the same column; use two spaces for each level.",
  ],
  BAD_SCALAR_START: [
    "YAML_SYNTAX",
    "A value must not begin with this character (`@`, `` ` ``, `|`, `%` ...).",
    quoteIt,
  ],
  BLOCK_AS_IMPLICIT_KEY: [
    "YAML_SYNTAX",
    "Two keys stand on one line, or a value holds a colon and a space.",
    "One `key: value` per line, or `{ a: 1, b: 2 }`; quote a value that holds `: `.",
  ],
  BLOCK_IN_FLOW: [
    "YAML_SYNTAX",
    "A block begins inside `{ }` or `[ ]`.",
    "Close the bracket first, or write everything in it as `key: value, key: value`.",
  ],
  KEY_OVER_1024_CHARS: ["YAML_SYNTAX", "A key is longer than 1,024 characters.", "Is a colon or a quote missing?"],
  MISSING_CHAR: [
    "YAML_SYNTAX",
    "A character is missing before this place: a comma, a colon, a space after it, a quote or a closing bracket.",
    "Look at the end of the line before as well.",
  ],
  MULTILINE_IMPLICIT_KEY: [
    "YAML_SYNTAX",
    "A key runs over several lines; a colon is missing after a key.",
    "Write each key as `key: value`, with a space after the colon.",
  ],
  MULTIPLE_DOCS: [
    "SEVERAL_DOCUMENTS",
    "A second YAML document begins here; one file is one AI system.",
    "Remove the `---`, or put the second playbook in a file of its own.",
  ],
  TAB_AS_INDENT: ["TAB", "A tab stands where YAML wants spaces.", "Indent with two spaces for each level."],
  UNEXPECTED_TOKEN: ["YAML_SYNTAX", "Something here does not belong to the value before it.", quoteIt],
};
