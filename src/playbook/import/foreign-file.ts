import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, parseAllDocuments } from "yaml";
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
  const trees = new TreeBuilder(issues);
  try {
    const roots = documents.flatMap((node) => (node === null ? [] : [trees.root(node)]));
    return issues.isEmpty ? roots : undefined;
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    issues.add("TOO_DEEP", error.offset, "There is more in this file than in any config.", "Is it the right file?");
    return undefined;
  }
}

/** Makes trees of the library's nodes; aliases become what they stand for, so a few lines may be very much. */
class TreeBuilder {
  readonly #issues: IssueList;
  readonly #anchors = new Map<string, Node>();
  #left = MAX_NODES;

  constructor(issues: IssueList) {
    this.#issues = issues;
  }

  root(node: Node): ForeignNode {
    this.#anchors.clear();
    return this.#tree(node, { path: "", depth: 0, offset: placeOf(node, 0) });
  }

  #tree(node: Node | null, at: Place): ForeignNode {
    const { path, depth, offset } = at;
    this.#left -= 1;
    if (this.#left < 0 || depth > MAX_DEPTH) throw new TooMuch(offset);
    if (isAlias(node)) return this.#aliased(node.source, at);
    if (node?.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return { path, offset, text: String(node.value) };
    if (isSeq(node)) {
      const items = node.items.map((item, index) =>
        this.#tree(item as Node | null, below(at, `${path}[${index}]`, item)),
      );
      return { path, offset, items };
    }
    return isMap(node) ? { path, offset, entries: this.#entries(node.items, at) } : { path, offset };
  }

  #entries(pairs: readonly Pair[], at: Place): ReadonlyMap<string, ForeignNode> {
    const entries = new Map<string, ForeignNode>();
    for (const { key, value } of pairs) {
      const name = isScalar(key) ? String(key.value) : String(key);
      const place = placeOf(key, at.offset);
      if (name === "<<") {
        const hint = "Write the keys out: `yq 'explode(.)' FILE` does that.";
        this.#issues.add("YAML_ALIAS", place, "Merge keys (`<<`) are not read here.", hint);
      }
      if (entries.has(name)) {
        this.#issues.add(
          "DUPLICATE_KEY",
          place,
          `The key ${quote(name)} stands twice in this block.`,
          "Remove one of the two.",
        );
      }
      const path = at.path === "" ? name : `${at.path}.${name}`;
      // A value that is long, or not there, is found by its key.
      entries.set(name, { ...this.#tree(value as Node | null, below(at, path, value)), offset: place });
    }
    return entries;
  }

  #aliased(name: string, at: Place): ForeignNode {
    const target = this.#anchors.get(name);
    if (target) return this.#tree(target, { ...at, depth: at.depth + 1 });
    this.#issues.add(
      "YAML_ALIAS",
      at.offset,
      `The alias ${quote(name)} stands for nothing before it.`,
      "Write the value out.",
    );
    return { path: at.path, offset: at.offset };
  }
}

interface Place {
  readonly path: string;
  readonly depth: number;
  readonly offset: number;
}

function below({ depth, offset }: Place, path: string, child: unknown): Place {
  return { path, depth: depth + 1, offset: placeOf(child, offset) };
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

/** The contents of the documents. */
function parseText(text: string, issues: IssueList): readonly (Node | null)[] | undefined {
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, {
      schema: "failsafe",
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
    });
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
        `This is neither YAML nor JSON: ${error.message.replace(/\.$/, "")}.`,
        "Mend it, or export the object again; render a Helm chart first (`helm template`).",
      );
    }
    contents.push(document.contents as Node | null);
  }
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
