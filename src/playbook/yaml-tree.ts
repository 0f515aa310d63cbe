import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument, Scalar } from "yaml";
import { type IssueList, quote } from "./issue.ts";
import { yamlErrors } from "./yaml-errors.ts";
import { checkPlainText, checkText, checkTokens } from "./yaml-traps.ts";

/** A playbook's YAML with the place of everything. All scalars are text: units and numbers are ours to read. */
export type YamlNode = YamlText | YamlList | YamlMap | YamlGap;

export interface YamlText {
  readonly kind: "text";
  readonly offset: number;
  readonly value: string;
  /** A bare `true` or `false`: YAML makes a boolean of it, so it is no name, word or number. */
  readonly boolean?: true;
}

export interface YamlList {
  readonly kind: "list";
  readonly offset: number;
  readonly items: readonly YamlNode[];
}

export interface YamlMap {
  readonly kind: "map";
  readonly offset: number;
  readonly entries: readonly YamlEntry[];
  /** False when a key was refused, so that what seems to be missing may only be unreadable. */
  readonly whole: boolean;
}

/** `empty`: nothing was written. `refused`: an issue about it is already in the list. */
export interface YamlGap {
  readonly kind: "empty" | "refused";
  readonly offset: number;
}

/** A key with its value; `offset` is where the key begins. */
export interface YamlEntry {
  readonly key: string;
  readonly offset: number;
  readonly value: YamlNode;
}

/**
 * Reads YAML 1.2's failsafe schema without anchors, aliases, merge keys, tags, directives and second documents.
 * Answers undefined when the text is so broken that reading on would be guesswork; the issues then say why.
 */
export function readYaml(text: string, issues: IssueList): YamlNode | undefined {
  if (!checkText(text, issues) || !checkTokens(text, issues)) return undefined;
  // Keys are compared here: the library compares each with each, which takes minutes on a hostile file.
  const document = parseDocument(text, {
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "error",
  });
  const known = issues.isEmpty;
  const brokenLines = new Set<number>();
  for (const error of document.errors) {
    const translated = yamlErrors[error.code];
    // Anchors, aliases and tags were named by checkTokens already; their follow-up errors add nothing.
    if (translated === "named-before" && !known) continue;
    const [code, message, hint] = translated && translated !== "named-before" ? translated : yamlErrors.OTHER;
    // Further errors on a line are mostly echoes of the first.
    const { line } = issues.position(error.pos[0]);
    if (!brokenLines.has(line)) issues.add(code, error.pos[0], message, hint);
    brokenLines.add(line);
  }
  if (brokenLines.size > 0) return undefined;
  const root = document.contents as Node | null;
  if (root === null || (isScalar(root) && root.source === "" && root.type === Scalar.PLAIN)) {
    issues.add(
      "EMPTY",
      0,
      "The file holds no playbook.",
      "Begin with `rollbook: v1`; docs/playbook.md has a whole one.",
    );
    return undefined;
  }
  return treeOf(root, issues);
}

function treeOf(node: Node | null, issues: IssueList, fallback = 0): YamlNode {
  const offset = node?.range?.[0] ?? fallback;
  if (node === null) return { kind: "empty", offset };
  if (isAlias(node)) return { kind: "refused", offset };
  if (isScalar(node)) return textOf(node as Scalar<string>, offset, issues);
  if (isSeq(node)) {
    return { kind: "list", offset, items: node.items.map((item) => treeOf(item as Node | null, issues, offset)) };
  }
  if (!isMap(node)) return { kind: "refused", offset };
  const entries: YamlEntry[] = [];
  const seen = new Map<string, number>();
  let whole = true;
  for (const pair of node.items) {
    const key = keyOf(pair.key as Node | null, offset, issues);
    const value = treeOf(pair.value as Node | null, issues, key.offset);
    if (key.name === undefined) {
      whole = false;
      continue;
    }
    const first = seen.get(key.name);
    if (first === undefined) {
      seen.set(key.name, key.offset);
      entries.push({ key: key.name, offset: key.offset, value });
    } else {
      const { line } = issues.position(first);
      issues.add(
        "DUPLICATE_KEY",
        key.offset,
        `The key ${quote(key.name)} stands twice in this block, first on line ${line}; only one could count.`,
        "Remove or rename one of the two.",
      );
    }
  }
  return { kind: "map", offset, entries, whole };
}

function textOf(node: Scalar<string>, offset: number, issues: IssueList): YamlNode {
  const value = String(node.value);
  if (node.type !== Scalar.PLAIN) return { kind: "text", offset, value };
  if (value === "") return { kind: "empty", offset };
  if (value === "true" || value === "false") return { kind: "text", offset, value, boolean: true };
  return checkPlainText(value, offset, "value", issues) ? { kind: "text", offset, value } : { kind: "refused", offset };
}

function keyOf(node: Node | null, fallback: number, issues: IssueList): { name?: string; offset: number } {
  const offset = node?.range?.[0] ?? fallback;
  if (isAlias(node)) return { offset };
  if (!isScalar(node) || String(node.value) === "") {
    issues.add("YAML_KEY", offset, "A key must be one word.", "Write `name: value`; quote a value that holds a colon.");
    return { offset };
  }
  const name = String(node.value);
  if (node.type === Scalar.PLAIN && !checkPlainText(name, offset, "key", issues)) return { offset };
  if (["__proto__", "constructor", "prototype"].includes(name)) {
    issues.add("FORBIDDEN_KEY", offset, `The key ${quote(name)} is not allowed anywhere.`, "Use another name.");
    return { offset };
  }
  return { name, offset };
}
