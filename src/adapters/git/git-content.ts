import { createHash, type Hash } from "node:crypto";
import { type Digest, digestOfJson, type Json } from "../../core/digest.ts";
import type { GitMirror } from "./git-mirror.ts";

/** What git has at a path of a commit. */
export interface GitObject {
  readonly mode: string;
  readonly type: "blob" | "tree" | "commit";
  readonly id: string;
}

interface Content {
  readonly sha256: string;
  readonly size: number;
  /** Is it the stand-in of a file that Git LFS keeps elsewhere? */
  readonly pointer: boolean;
}

/** The content at a path, by what makes its behaviour. */
export interface GitContent {
  readonly digest: Digest;
  readonly submodules: readonly string[];
  readonly pointers: readonly string[];
}

const MOST_ENTRIES = 200_000;
const MOST_REMEMBERED = 200_000;
const POINTER = "version https://git-lfs.github.com/spec/v1\n";

/**
 * Computes identities: the SHA-256 of a manifest of paths, modes, sizes and the SHA-256 of every content, which are
 * read, and not git's own SHA-1. A tree of plain files has the digest that the vault gives to the same files. An
 * object's id stands for its content for good, so what was computed once is remembered.
 */
export class GitContents {
  readonly #mirror: GitMirror;
  readonly #blobs = new Map<string, Content>();
  readonly #objects = new Map<string, GitContent>();

  constructor(mirror: GitMirror) {
    this.#mirror = mirror;
  }

  /** Undefined when nothing, or no file or folder, is there. */
  async objectAt(commit: string, path: string, signal: AbortSignal): Promise<GitObject | undefined> {
    if (path === "") {
      const id = await this.#mirror.text(["rev-parse", "--verify", "--quiet", `${commit}^{tree}`], signal);
      return id === undefined ? undefined : { mode: "040000", type: "tree", id };
    }
    const { code, out } = await this.#mirror.run(["ls-tree", "-z", "--full-tree", commit, "--", path], signal);
    const [entry] = code === 0 ? entriesIn(out) : [];
    return entry === undefined || entry.path !== path || entry.type === "commit" ? undefined : entry;
  }

  /** Undefined when an object is missing or damaged. */
  async contentOf(object: GitObject, signal: AbortSignal): Promise<GitContent | undefined> {
    const name = `${object.mode} ${object.id}`;
    const known = this.#objects.get(name);
    if (known !== undefined) return known;
    const entries = await this.#entriesOf(object, signal);
    if (entries === undefined || !(await this.#read(entries, signal))) return undefined;
    const content = this.#identity(object, entries);
    remember(this.#objects, name, content);
    return content;
  }

  async #entriesOf(object: GitObject, signal: AbortSignal): Promise<readonly Entry[] | undefined> {
    if (object.type === "blob") return [{ ...object, path: "" }];
    const { code, out } = await this.#mirror.run(["ls-tree", "-r", "-z", "--full-tree", object.id], signal);
    const entries = code === 0 ? entriesIn(out) : undefined;
    return entries === undefined || entries.length > MOST_ENTRIES ? undefined : entries;
  }

  /** Reads every content that is not known yet, in one streamed run. Answers whether all could be read. */
  async #read(entries: readonly Entry[], signal: AbortSignal): Promise<boolean> {
    const blobs = entries.filter(({ type }) => type === "blob").map(({ id }) => id);
    const wanted = [...new Set(blobs)].filter((id) => !this.#blobs.has(id));
    if (wanted.length === 0) return true;
    const reader = new BatchReader();
    const { code } = await this.#mirror.run(["cat-file", "--batch"], signal, {
      input: `${wanted.join("\n")}\n`,
      take: (piece) => reader.take(piece),
    });
    for (const [id, content] of reader.contents) remember(this.#blobs, id, content);
    return code === 0 && wanted.every((id) => reader.contents.has(id));
  }

  #identity(object: GitObject, entries: readonly Entry[]): GitContent {
    const described = entries
      .map(({ path, mode, type, id }): Json & { path: string } => {
        if (type !== "blob") return { kind: "submodule", path, commit: id };
        const { sha256, size } = this.#blobs.get(id) as Content;
        return mode === "120000"
          ? { kind: "link", path, size, sha256 }
          : { kind: "file", path, executable: mode === "100755", size, sha256 };
      })
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    const single = described[0] as Json & { path: string };
    const manifest =
      object.type === "blob"
        ? { ...(single as object), v: 1, path: undefined }
        : { v: 1, kind: "tree", entries: described };
    return {
      digest: digestOfJson(manifest as Json),
      submodules: entries.filter(({ type }) => type === "commit").map(({ path }) => path),
      pointers: entries.filter(({ id }) => this.#blobs.get(id)?.pointer).map(({ path }) => path),
    };
  }
}

interface Entry extends GitObject {
  readonly path: string;
}

/** The lines of `ls-tree -z`: `MODE TYPE ID<tab>PATH`. */
function entriesIn(out: Buffer): readonly Entry[] {
  const lines = out.toString("utf8").split("\0").filter(Boolean);
  return lines.map((line) => {
    const tab = line.indexOf("\t");
    const [mode = "", type = "", id = ""] = line.slice(0, tab).split(" ");
    return { mode, type: type as Entry["type"], id, path: line.slice(tab + 1) };
  });
}

interface OpenBlob {
  readonly id: string;
  readonly size: number;
  readonly hash: Hash;
  /** Bytes of the answer that still belong to it. */
  left: number;
  start: Buffer;
}

/** Takes the answer of `cat-file --batch` in whatever pieces it comes: `ID blob SIZE<newline>CONTENT<newline>`. */
class BatchReader {
  readonly contents = new Map<string, Content>();
  #head = Buffer.alloc(0);
  #open: OpenBlob | undefined;

  take(piece: Buffer): void {
    let rest = piece;
    while (rest.byteLength > 0) {
      if (this.#open === undefined) rest = this.#takeHead(rest);
      else rest = this.#takeContent(this.#open, rest);
    }
  }

  #takeHead(piece: Buffer): Buffer {
    const newline = piece.indexOf(10);
    this.#head = Buffer.concat([this.#head, newline < 0 ? piece : piece.subarray(0, newline)]);
    if (newline < 0) return piece.subarray(piece.byteLength);
    const [id = "", type, size] = this.#head.toString("utf8").split(" ");
    this.#head = Buffer.alloc(0);
    if (type === "blob") {
      // One byte more: the newline that ends a content.
      this.#open = {
        id,
        size: Number(size),
        left: Number(size) + 1,
        hash: createHash("sha256"),
        start: Buffer.alloc(0),
      };
    }
    return piece.subarray(newline + 1);
  }

  #takeContent(open: OpenBlob, piece: Buffer): Buffer {
    const mine = piece.subarray(0, Math.min(open.left, piece.byteLength));
    const content = mine.subarray(0, Math.min(open.left - 1, mine.byteLength));
    open.hash.update(content);
    if (open.start.byteLength < POINTER.length)
      open.start = Buffer.concat([open.start, content.subarray(0, POINTER.length)]);
    open.left -= mine.byteLength;
    if (open.left === 0) {
      const pointer = open.start.toString("latin1").startsWith(POINTER);
      this.contents.set(open.id, { sha256: open.hash.digest("hex"), size: open.size, pointer });
      this.#open = undefined;
    }
    return piece.subarray(mine.byteLength);
  }
}

function remember<T>(memory: Map<string, T>, name: string, value: T): void {
  memory.set(name, value);
  for (const oldest of memory.keys()) {
    if (memory.size <= MOST_REMEMBERED) return;
    memory.delete(oldest);
  }
}
