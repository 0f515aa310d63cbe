import { type Digest, isDigest } from "../../core/digest.ts";
import type { GitContents, GitObject } from "./git-content.ts";
import type { GitMirror } from "./git-mirror.ts";

/** What our own commits say of one path. */
export interface PathJournal {
  /** Which content each key brought. */
  readonly keys: ReadonlyMap<string, Digest>;
  readonly fence: number;
}

/** A content that the history has, and a commit that has it. */
export interface Found {
  readonly object: GitObject;
  readonly commit: string;
}

/** How far back trailers are read, in commits of the branch. */
const JOURNAL_COMMITS = 20_000;
/** How far back a content is looked for, in commits that changed its path. */
const SEARCH_COMMITS = 1000;
const TRAILERS = ["Path", "Key", "Fence", "Digest"] as const;
const EMPTY: PathJournal = { keys: new Map(), fence: 0 };

/** Reads a mirror's history; what it learnt stays until the history is another one. */
export class GitHistory {
  readonly #mirror: GitMirror;
  readonly #contents: GitContents;
  readonly #found = new Map<string, Found>();
  readonly #absent = new Map<string, string>();
  #journal: { head: string; paths: Map<string, { keys: Map<string, Digest>; fence: number }> } | undefined;

  constructor(mirror: GitMirror, contents: GitContents) {
    this.#mirror = mirror;
    this.#contents = contents;
  }

  /** Keys and the highest fence of one path, by the trailers of the last 20,000 commits. Undefined when unreadable. */
  async journal(head: string, path: string, signal: AbortSignal): Promise<PathJournal | undefined> {
    let known = this.#journal;
    if (known?.head !== head) {
      const older = known?.head;
      const grown = older !== undefined && (await this.#isAncestor(older, head, signal));
      known = { head, paths: grown ? (known?.paths ?? new Map()) : new Map() };
      if (!(await this.#readTrailers(known.paths, head, grown ? older : undefined, signal))) return undefined;
      this.#journal = known;
    }
    return known.paths.get(trailerPath(path)) ?? EMPTY;
  }

  /** Notes where a content is, so that it need not be looked for. */
  note(path: string, digest: Digest, found: Found): void {
    this.#found.set(`${path}\0${digest}`, found);
  }

  /** A commit in the history, newest first, that has this content at this path, with its objects at hand. */
  async find(path: string, digest: Digest, signal: AbortSignal): Promise<Found | undefined> {
    const name = `${path}\0${digest}`;
    const known = this.#found.get(name);
    if (known !== undefined && (await this.#isHere(known.object.id, signal))) return known;
    const refs = (await this.#mirror.text(["for-each-ref", "--format=%(objectname)"], signal)) ?? "";
    if (this.#absent.get(name) === refs) return undefined;
    const found = await this.#search(path, digest, signal);
    if (found !== undefined) this.#found.set(name, found);
    else if (!signal.aborted) this.#absent.set(name, refs);
    return found;
  }

  async #search(path: string, digest: Digest, signal: AbortSignal): Promise<Found | undefined> {
    const all = [
      "log",
      "--format=%H",
      "--full-history",
      `--max-count=${SEARCH_COMMITS}`,
      "--glob=refs/rollbook/*",
      "--",
    ];
    const commits = ((await this.#mirror.text([...all, ...(path === "" ? [] : [path])], signal)) ?? "").split("\n");
    const asked = commits.filter(Boolean).map((commit) => `${commit}:${path}\n`);
    const kinds = await this.#mirror.text(["cat-file", "--batch-check=%(objecttype) %(objectname)"], signal, {
      input: asked.join(""),
    });
    const looked = new Set<string>();
    for (const [index, line] of (kinds ?? "").split("\n").entries()) {
      const [type, id = ""] = line.split(" ");
      const commit = commits[index] ?? "";
      if ((type !== "tree" && type !== "blob") || (type === "tree" && looked.has(id))) continue;
      looked.add(id);
      // A file's mode stands in the tree that names it.
      const object =
        type === "tree" ? ({ mode: "040000", type, id } as const) : await this.#contents.objectAt(commit, path, signal);
      const content = object && (await this.#contents.contentOf(object, signal));
      if (object && content?.digest === digest) return { object, commit };
    }
    return undefined;
  }

  /** Adds the trailers of new commits to what is known. Answers whether the history could be read. */
  async #readTrailers(
    paths: Map<string, { keys: Map<string, Digest>; fence: number }>,
    head: string,
    older: string | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const fields = TRAILERS.map((name) => `%(trailers:key=Rollbook-${name},valueonly,separator=%x20)`);
    const hidden = [older, this.#mirror.repository.forget].filter((commit) => commit !== undefined);
    const without = hidden.map((commit) => `^${commit}`);
    const log = ["log", `--format=${fields.join("%x01")}`, `--max-count=${JOURNAL_COMMITS}`, head, ...without, "--"];
    const text = await this.#mirror.text(log, signal);
    if (text === undefined) return false;
    for (const line of text.split("\n")) {
      const [path = "", key = "", fence = "", digest = ""] = line.split("\x01");
      if (path === "" || key === "" || !/^\d{1,15}$/.test(fence) || !isDigest(digest)) continue;
      const journal = paths.get(path) ?? { keys: new Map<string, Digest>(), fence: 0 };
      journal.keys.set(key, digest);
      journal.fence = Math.max(journal.fence, Number(fence));
      paths.set(path, journal);
    }
    return true;
  }

  async #isAncestor(older: string, newer: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#mirror.run(["merge-base", "--is-ancestor", older, newer], signal)).code === 0;
  }

  async #isHere(id: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#mirror.run(["cat-file", "-e", id], signal)).code === 0;
  }
}

/** A path as trailers have it: one word, whatever its letters. */
export function trailerPath(path: string): string {
  return `/${path.split("/").map(encodeURIComponent).join("/")}`;
}
