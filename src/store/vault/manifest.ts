import { type Digest, digestOf, digestOfJson, type Json } from "../../core/digest.ts";
import { RollbookError } from "../../core/errors.ts";

/** One file of a tree. `path` is relative, with forward slashes. */
export interface FileEntry {
  readonly kind: "file";
  readonly path: string;
  /** The owner's execute bit: the only bit of the mode that changes what a file does. */
  readonly executable: boolean;
  /** Bytes. */
  readonly size: number;
  /** Of the content, as 64 hex digits. */
  readonly sha256: string;
}

/** A folder that holds nothing; the others follow from their files. */
interface FolderEntry {
  readonly kind: "folder";
  readonly path: string;
}

export type ManifestEntry = FileEntry | FolderEntry;

/** What a revision is made of. Its digest is that of its canonical JSON, and covers every byte through the files' own. */
export type Manifest =
  | ({ readonly v: 1 } & Omit<FileEntry, "path">)
  | { readonly v: 1; readonly kind: "tree"; readonly entries: readonly ManifestEntry[] };

/** A tree with its entries in the one order that they have: by the code units of their paths. */
export function treeOf(entries: readonly ManifestEntry[]): Manifest {
  return { v: 1, kind: "tree", entries: [...entries].sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

export function manifestDigest(manifest: Manifest): Digest {
  return digestOfJson(manifest as unknown as Json);
}

/** Each content that a manifest names, with its size; one that is named twice comes twice. */
export function contentsOf(manifest: Manifest): readonly { readonly sha256: string; readonly size: number }[] {
  if (manifest.kind === "file") return [manifest];
  return manifest.entries.filter((entry) => entry.kind === "file");
}

export function bytesOf(manifest: Manifest): number {
  return contentsOf(manifest).reduce((total, { size }) => total + size, 0);
}

/** Reads a stored manifest. Undefined when the text is not what the digest names, or names a path that leaves its tree. */
export function parseManifest(text: string, digest: Digest): Manifest | undefined {
  if (digestOf(text) !== digest) return undefined;
  try {
    const manifest = JSON.parse(text) as Manifest;
    const sound =
      manifest.v === 1 && (manifest.kind === "file" || manifest.entries.every(({ path }) => isInside(path)));
    return sound && contentsOf(manifest).every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256)) ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Does a relative path stay in its tree, on every system? */
function isInside(path: string): boolean {
  return path.split("/").every((part) => !["", ".", ".."].includes(part)) && !/[\\\0]/.test(path);
}

/** Throws REQUEST_INVALID for a name that the vault will not keep. */
export function assertKeepable(path: string): void {
  if (!isInside(path)) throw refusal(`${JSON.stringify(path)} is no name that every system can keep`);
}

export function refusal(reason: string): RollbookError {
  return new RollbookError("REQUEST_INVALID", { reason });
}
