import { isAlias, isMap, isScalar, isSeq, type Node, parseAllDocuments, visit } from "yaml";
import type { IssueList } from "../issue.ts";
import { quote } from "../issue.ts";

/** A value of somebody else's config. All scalars are text: what they mean is decided where they are read. */
export interface ForeignNode {
  /** For people: `spec.metrics[0].interval`. */
  readonly path: string;
  readonly offset: number;
  readonly text?: string;
  readonly items?: readonly ForeignNode[];
  readonly entries?: ReadonlyMap<string, ForeignNode>;
}

const MAX_CHARACTERS = 1024 * 1024;
const MAX_NODES = 50_000;
const MAX_DEPTH = 64;

/**
 * Reads all documents of a YAML or JSON file: Kubernetes objects, often several, with anchors; or one JSON config. What is
 * wrong goes to the issues, with its place; then the answer is undefined.
 */
export function readForeignFile(text: string, issues: IssueList): readonly ForeignNode[] | undefined {
  if (text.length > MAX_CHARACTERS) {
    issues.add("TOO_LARGE", 0, "The file is larger than 1 MiB.", "Import the one config that is meant.");
    return undefined;
  }
  const documents = parseText(text, issues);
  if (documents === undefined) return undefined;
  let left = MAX_NODES;
  const treeOf = (node: Node | null, path: string, depth: number, offset: number): ForeignNode => {
    left -= 1;
    if (left < 0 || depth > MAX_DEPTH) throw new TooMuch(offset);
    if (isScalar(node)) return { path, offset, text: String(node.value) };
    const below = (child: unknown, name: string, join = ".") =>
      treeOf(child as Node | null, path === "" ? name : `${path}${join}${name}`, depth + 1, placeOf(child, offset));
    if (isSeq(node)) return { path, offset, items: node.items.map((item, at) => below(item, `[${at}]`, "")) };
    if (!isMap(node)) return { path, offset };
    const entries = node.items.map(({ key, value }) => {
      const name = isScalar(key) ? String(key.value) : String(key);
      const child = below(value, name);
      // A value that is long, or not there, is found by its key.
      return [name, { ...child, offset: placeOf(key, offset) }] as const;
    });
    return { path, offset, entries: new Map(entries) };
  };
  try {
    return documents.filter((node) => node !== null).map((node) => treeOf(node, "", 0, placeOf(node, 0)));
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    issues.add("TOO_DEEP", error.offset, "There is more in this file than in any config.", "Is it the right file?");
    return undefined;
  }
}

class TooMuch extends Error {
  readonly offset: number;
  constructor(offset: number) {
    super("too much");
    this.offset = offset;
  }
}

function placeOf(node: unknown, otherwise: number): number {
  return (node as Node | null)?.range?.[0] ?? otherwise;
}

/** The documents' contents, aliases replaced by what they stand for. */
function parseText(text: string, issues: IssueList): readonly (Node | null)[] | undefined {
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, { schema: "failsafe", prettyErrors: false, logLevel: "silent" });
  } catch (error) {
    // The library descends without a limit of its own.
    if (!(error instanceof RangeError)) throw error;
    issues.add("TOO_DEEP", 0, "Blocks are nested deeper than in any config.", "Is a bracket left open?");
    return undefined;
  }
  if (!Array.isArray(documents) || documents.length === 0) {
    issues.add("EMPTY", 0, "The file is empty.", "Give a file with an AnalysisTemplate, a Canary or a canary config.");
    return undefined;
  }
  const contents: (Node | null)[] = [];
  for (const document of documents) {
    for (const error of document.errors) {
      issues.add(
        "YAML_SYNTAX",
        error.pos[0],
        `This is neither YAML nor JSON: ${error.message}.`,
        "Mend it, or export the object again.",
      );
    }
    visit(document, {
      Alias: (_, alias) => alias.resolve(document) ?? undefined,
      Pair: (_, pair) => {
        if (!isScalar(pair.key) || pair.key.value !== "<<") return;
        const hint = "Write the keys out: `yq 'explode(.)' FILE` does that.";
        issues.add("YAML_ALIAS", placeOf(pair.key, 0), "Merge keys (`<<`) are not read here.", hint);
      },
    });
    contents.push(document.contents as Node | null);
  }
  if (contents.some((node) => isAlias(node))) return undefined;
  return issues.isEmpty ? contents : undefined;
}

/** Walks foreign nodes, reports what has the wrong shape, and remembers what was never looked at. */
export class ForeignReader {
  readonly issues: IssueList;
  readonly #read = new Set<ForeignNode>();
  readonly #done = new Set<ForeignNode>();

  constructor(issues: IssueList) {
    this.issues = issues;
  }

  /** The value under a path of keys; undefined where there is none. */
  get(node: ForeignNode | undefined, ...keys: readonly string[]): ForeignNode | undefined {
    let at = node;
    for (const key of keys) {
      at = at?.entries?.get(key);
      if (at) this.#read.add(at);
    }
    return at;
  }

  text(node: ForeignNode | undefined, ...keys: readonly string[]): string | undefined {
    const found = this.get(node, ...keys);
    if (!found || found.text !== undefined) return found?.text;
    if (found.items || found.entries) this.#wrong(found, "one value");
    return undefined;
  }

  /** A number; placeholders such as `{{args.limit}}` are none, and are told. */
  number(node: ForeignNode | undefined, ...keys: readonly string[]): number | undefined {
    const text = this.text(node, ...keys);
    if (text === undefined) return undefined;
    if (/^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/.test(text.trim())) return Number(text);
    const found = this.get(node, ...keys)!;
    const hint = text.includes("{{") ? "Put the value of the argument in its place." : "Write a plain number.";
    this.issues.add("BAD_VALUE", found.offset, `${quote(found.path)} is ${quote(text)}, which is no number.`, hint);
    return undefined;
  }

  flag(node: ForeignNode | undefined, ...keys: readonly string[]): boolean {
    return /^(?:true|yes|on|y)$/i.test(this.text(node, ...keys) ?? "");
  }

  list(node: ForeignNode | undefined, ...keys: readonly string[]): readonly ForeignNode[] {
    const found = this.get(node, ...keys);
    if (!found) return [];
    if (!found.items && (found.entries || (found.text !== undefined && found.text !== "")))
      this.#wrong(found, "a list");
    for (const item of found.items ?? []) this.#read.add(item);
    return found.items ?? [];
  }

  /** Everything below is accounted for. */
  done(node: ForeignNode | undefined): void {
    if (node) this.#done.add(node);
  }

  /** The topmost values below a node that nobody has looked at. */
  unread(node: ForeignNode): readonly ForeignNode[] {
    if (this.#done.has(node)) return [];
    const children = node.items ?? [...(node.entries?.values() ?? [])];
    return children.flatMap((child) =>
      this.#read.has(child) ? this.unread(child) : this.#done.has(child) ? [] : [child],
    );
  }

  #wrong(node: ForeignNode, wanted: string): void {
    this.issues.add(
      "WRONG_KIND",
      node.offset,
      `${quote(node.path)} must be ${wanted}.`,
      "See the config's own documentation.",
    );
  }
}
