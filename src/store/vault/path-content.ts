import type { BlobFolder } from "./blob-folder.ts";
import type { ContentMemory, FileContent } from "./file-reader.ts";
import { type Manifest, refusal, treeOf } from "./manifest.ts";
import { type FoundFile, type Scan, sameScan, scanPath, unreadable } from "./path-scan.ts";

const LOOKS = 3;

/**
 * The manifest of what lies at a path, at one moment: whatever moved while it was read is read again, up to three
 * times. With `blobs` every content is put in on the way. Throws REQUEST_INVALID for what cannot be kept or does not
 * come to rest, FILE_UNREADABLE for what cannot be read.
 */
export async function contentAt(
  path: string,
  memory: ContentMemory,
  blobs?: BlobFolder,
  signal?: AbortSignal,
): Promise<Manifest> {
  for (let look = 1; ; look++) {
    try {
      const scan = await scanPath(path, signal);
      const contents = new Map<FoundFile, FileContent>();
      for (const file of scan.files) {
        const read = blobs
          ? blobs.put(file.absolute, file.print, signal)
          : memory.content(file.absolute, file.print, signal);
        contents.set(file, await read);
      }
      const prints = scan.files.every((file) => contents.get(file)?.print === file.print);
      if (prints && sameScan(scan, await scanPath(path, signal))) return manifestOf(scan, contents);
    } catch (error) {
      signal?.throwIfAborted();
      if (look >= LOOKS) throw unreadable(path, error);
    }
    if (look >= LOOKS) throw refusal(`${path} is being changed; try again when it is at rest`);
  }
}

function manifestOf({ kind, files, emptyFolders }: Scan, contents: ReadonlyMap<FoundFile, FileContent>): Manifest {
  const entries = files.map((file) => {
    const { executable, size, sha256 } = contents.get(file) as FileContent;
    return { kind: "file", path: file.path, executable, size, sha256 } as const;
  });
  if (kind === "tree") return treeOf([...entries, ...emptyFolders.map((path) => ({ kind: "folder", path }) as const)]);
  const { executable, size, sha256 } = entries[0] as (typeof entries)[number];
  return { v: 1, kind: "file", executable, size, sha256 };
}
