import { chmod, chown, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BlobFolder } from "./blob-folder.ts";
import { syncFolder } from "./durable-file.ts";
import type { FileEntry, Manifest } from "./manifest.ts";

/** Who may read what is written out: as the thing that it takes the place of. */
export interface Access {
  /** Of files; folders get the search bits that belong to the read bits. */
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Writes a revision out at a path that is free: beside it first, every content checked against its digest, flushed,
 * then renamed; so what lies at the path is always whole. The last folder of the path must exist.
 */
export async function writeOut(
  manifest: Manifest,
  blobs: BlobFolder,
  destination: string,
  access: Access,
  signal?: AbortSignal,
): Promise<void> {
  const partial = `${destination}.partial`;
  await rm(partial, { recursive: true, force: true });
  try {
    await writeAll(manifest, blobs, partial, access, signal);
  } catch (error) {
    // Half a revision on a full disk takes the room of what serves from it.
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
  await rename(partial, destination);
  await syncFolder(dirname(destination));
}

async function writeAll(
  manifest: Manifest,
  blobs: BlobFolder,
  partial: string,
  access: Access,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (manifest.kind === "file") await writeFile({ ...manifest, path: "" }, blobs, partial, access, signal);
  else {
    const folders = foldersOf(manifest.entries);
    for (const folder of folders) await makeFolder(join(partial, folder), access);
    for (const entry of manifest.entries) {
      if (entry.kind === "file") await writeFile(entry, blobs, join(partial, entry.path), access, signal);
    }
    for (const folder of [...folders].reverse()) await syncFolder(join(partial, folder));
  }
}

/** Every folder of a tree, the root too, each before what it holds. */
function foldersOf(entries: Extract<Manifest, { kind: "tree" }>["entries"]): readonly string[] {
  const folders = new Set([""]);
  for (const { kind, path } of entries) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length + (kind === "folder" ? 1 : 0); depth++) {
      folders.add(parts.slice(0, depth).join("/"));
    }
  }
  return [...folders];
}

async function writeFile(
  { sha256, executable }: FileEntry,
  blobs: BlobFolder,
  file: string,
  access: Access,
  signal: AbortSignal | undefined,
): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await blobs.read(sha256, (piece) => handle.writeFile(piece), signal);
    await own(file, access);
    const readable = access.mode & 0o666;
    await handle.chmod(executable ? readable | ((readable & 0o444) >> 2) : readable);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function makeFolder(folder: string, access: Access): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  await own(folder, access);
  const readable = access.mode & 0o666;
  await chmod(folder, readable | 0o700 | ((readable & 0o444) >> 2));
}

/** Only root may give files away; for everybody else the writer stays the owner. */
async function own(path: string, { uid, gid }: Access): Promise<void> {
  if (uid === undefined || gid === undefined || process.getuid?.() !== 0) return;
  await chown(path, uid, gid);
}
