import type { Digest } from "../../core/digest.ts";
import type { Instant } from "../../core/time.ts";

/** What must be known of a revision to bring it back. */
export interface StoredRevision {
  readonly digest: Digest;
  readonly labels: readonly string[];
  readonly kind: "file" | "tree" | "damaged";
  readonly bytes: number;
  readonly retainedUntil: Instant;
  readonly held: boolean;
}

/** Who may read what is written out. */
export interface FileAccess {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** What the adapter needs of a store of revisions; the built-in vault is one. */
export interface RevisionStore {
  /** A copy of the store's contents has another one. */
  id(): Promise<string>;
  readonly folder: string;
  /** By content, whatever the file system says of times; throws for what it cannot read or will not cover. */
  digestAt(path: string, signal?: AbortSignal): Promise<Digest>;
  state(digest: Digest, signal?: AbortSignal): Promise<"intact" | "damaged" | "missing">;
  find(reference: string): Promise<StoredRevision | undefined>;
  /** The SHA-256 of the content of a revision that is one file, as hex. */
  contentOf(digest: Digest): Promise<string | undefined>;
  /** Writes a whole, checked revision out at a free path. */
  materialise(digest: Digest, destination: string, access: FileAccess, signal?: AbortSignal): Promise<void>;
  put(label: string, path: string, options: { readonly signal: AbortSignal }): Promise<StoredRevision>;
  retain(digest: Digest, until: Instant): Promise<void>;
}
