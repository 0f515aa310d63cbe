import { CST, Lexer } from "yaml";
import { hiddenCharacter, type IssueList, quote } from "./issue.ts";

/** Larger files are refused unread: a playbook is about fifty lines. */
export const MAX_BYTES = 256 * 1024;
const MAX_DEPTH = 32;
const MAX_INDENT = 100;

/** Checks bytes and characters; false when it makes no sense to read on. */
export function checkText(text: string, issues: IssueList): boolean {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_BYTES) {
    const message = `The file has ${Math.ceil(bytes / 1024)} KiB; a playbook may have 256.`;
    issues.add("TOO_LARGE", 0, message, "One file is one AI system; is this the right file?");
    return false;
  }
  const undecodable = text.indexOf("\ufffd");
  if (undecodable >= 0) {
    const message = "The file's bytes are not UTF-8 from here on.";
    issues.add("NOT_UTF8", undecodable, message, "Save the file as UTF-8 (not UTF-16 or Latin-1).");
    return false;
  }
  let offset = 0;
  for (const line of text.split("\n")) {
    const hidden = hiddenCharacter.exec(line);
    if (hidden) {
      const code = (hidden[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      const message = `The invisible character U+${code} stands here; people would not read what the program reads.`;
      issues.add("HIDDEN_CHARACTER", offset + hidden.index, message, "Delete it and type the text again.");
    }
    const indent = /^ *\t[ \t]*(?=[^\s])/.exec(line);
    if (indent) {
      const message = "This line is indented with a tab; YAML wants spaces.";
      issues.add("TAB", offset + line.indexOf("\t"), message, "Indent with two spaces for each level.");
    }
    offset += line.length + 1;
  }
  return issues.isEmpty;
}

const refused: Readonly<Record<string, readonly [code: "YAML_ALIAS" | "YAML_TAG" | "YAML_DIRECTIVE", what: string]>> = {
  anchor: ["YAML_ALIAS", "Anchors (`&name`)"],
  alias: ["YAML_ALIAS", "Aliases (`*name`)"],
  tag: ["YAML_TAG", "Tags (`!name`)"],
  "directive-line": ["YAML_DIRECTIVE", "Directives (`%YAML`, `%TAG`)"],
};

/**
 * Names every anchor, alias, tag and directive, and refuses deep nesting before anything recursive sees the text.
 * Lexing is a loop with constant memory, so a hostile file costs no more than its length.
 */
export function checkTokens(text: string, issues: IssueList): boolean {
  let offset = 0;
  const open: number[] = [];
  let onLine = 0;
  let lineStart = 0;
  let isContent = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (!isContent && (lexeme === CST.DOCUMENT || lexeme === CST.SCALAR)) {
      isContent = lexeme === CST.SCALAR;
      continue;
    }
    if (!isContent && lexeme === CST.FLOW_END) break;
    const type = isContent ? "scalar" : (CST.tokenType(lexeme) ?? "scalar");
    isContent = false;
    const found = refused[type];
    if (found) {
      const message = `${found[1]} are refused: a playbook says what it says where it says it.`;
      const hint = "Write the value out; quote it if it is text that begins with this sign.";
      issues.add(found[0], offset, message, type === "directive-line" ? "Remove the line." : hint);
    }
    if (type === "newline") [onLine, lineStart] = [0, offset + lexeme.length];
    else if (type === "flow-map-start" || type === "flow-seq-start") open.push(offset);
    else if (type === "flow-map-end" || type === "flow-seq-end") {
      if (open.pop() === undefined) {
        issues.add("YAML_SYNTAX", offset, `The bracket \`${lexeme}\` closes nothing.`, "Remove it, or open it before.");
        return false;
      }
    } else if (type === "seq-item-ind" || type === "explicit-key-ind" || type === "map-value-ind") onLine++;
    const indented = offset - lineStart > MAX_INDENT && (type === "seq-item-ind" || type === "map-value-ind");
    if (open.length > MAX_DEPTH || (open.length === 0 && (onLine > MAX_DEPTH || (indented && onLine === 1)))) {
      const message = "Blocks are nested, or lines indented, deeper than any playbook is.";
      issues.add("TOO_DEEP", offset, message, "Is a bracket left open, or is this another file?");
      return false;
    }
    offset += lexeme.length;
  }
  const unclosed = open.at(-1);
  if (unclosed === undefined) return true;
  const message = `The bracket \`${text[unclosed]}\` is opened here and never closed.`;
  issues.add("YAML_SYNTAX", unclosed, message, text[unclosed] === "{" ? "Close it with `}`." : "Close it with `]`.");
  return false;
}

const booleans = /^(?:y|yes|n|no|on|off|true|false)$/i;
const nulls = /^(?:~|null)$/i;
const numberTraps: readonly (readonly [RegExp, string, string])[] = [
  [/^[-+]?\d+(?::[0-5]?\d)+(?:\.\d*)?$/, "YAML 1.1 reads it in base 60", "Write a span as `30s` or `15m`."],
  [/^[-+]?\d[\d,]*_[\d_,]*(?:\.[\d_]*)?$/, "YAML 1.1 drops the underscores", "Write the digits only."],
  [/^[-+]?0o?[0-7]+$/, "it is octal in one version of YAML and decimal in the other", "Drop the leading zero."],
  [/^[-+]?0[xb][0-9a-f_]+$/i, "it is not decimal", "Write it as a decimal number."],
  [/^[-+]?\.(?:inf|nan)$/i, "it is no finite number", "Write a number."],
];

/** Says that a bare word is a boolean to YAML, which only `fixed: true` of a drill may be. */
export function reportBoolean(value: string, offset: number, place: "key" | "value", issues: IssueList): void {
  const message = `YAML 1.1 reads the bare ${place} ${quote(value)} as true or false, YAML 1.2 as a word.`;
  const hint = `The language has no on and off here; if it is a name, quote it: "${value}".`;
  issues.add("YAML_BOOLEAN", offset, message, hint);
}

/** Refuses bare words that two versions of YAML read differently. */
export function checkPlainText(value: string, offset: number, place: "key" | "value", issues: IssueList): boolean {
  if (value === "<<" && place === "key") {
    const message = "Merge keys (`<<`) are refused: a playbook says what it says where it says it.";
    issues.add("YAML_ALIAS", offset, message, "Write the keys out.");
    return false;
  }
  if (booleans.test(value)) {
    reportBoolean(value, offset, place, issues);
    return false;
  }
  if (nulls.test(value)) {
    const message = `YAML reads the bare ${place} ${quote(value)} as nothing.`;
    issues.add("YAML_NULL", offset, message, "Write the value, or leave the key out.");
    return false;
  }
  const trap = numberTraps.find(([pattern]) => pattern.test(value));
  if (!trap) return true;
  issues.add("YAML_NUMBER", offset, `${quote(value)} is refused as a number: ${trap[1]}.`, trap[2]);
  return false;
}
