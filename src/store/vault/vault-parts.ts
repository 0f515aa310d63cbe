import type { BlobFolder } from "./blob-folder.ts";
import type { ContentMemory } from "./file-reader.ts";
import type { RevisionFolder } from "./revision-folder.ts";
import type { LockPlace } from "./vault-lock.ts";

/** The parts of an open vault. */
export interface VaultParts extends LockPlace {
  /** Folder in which files are written before they get their names. */
  readonly drafts: string;
  readonly memory: ContentMemory;
  readonly blobs: BlobFolder;
  readonly revisions: RevisionFolder;
}
