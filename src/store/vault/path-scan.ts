import type { BigIntStats } from "node:fs";
import { lstat, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { RollbookError } from "../../core/errors.ts";
import { assertKeepable, refusal } from "./manifest.ts";

/** A file that was found, and what would show that somebody changed it. */
export interface FoundFile {
  /** Relative to the root; empty when the root is the file. */
  readonly path: string;
  readonly absolute: string;
  readonly print: string;
}

/** What lies at a path now, by names and stats; no content was read. */
export interface Scan {
  readonly kind: "file" | "tree";
  /** Where the path leads when its own symlinks are followed. */
  readonly root: string;
  readonly files: readonly FoundFile[];
  readonly emptyFolders: readonly string[];
}

/** More would make a manifest that is no longer read in one piece. */
const MOST_ENTRIES = 200_000;

/**
 * Looks at a file or a tree. The path itself may be a symlink (that is how trees are switched); inside the tree
 * symlinks, devices, sockets and pipes are refused (REQUEST_INVALID), because a digest would not cover what they lead to.
 * Throws FILE_UNREADABLE for what cannot be read.
 */
export async function scanPath(path: string, signal?: AbortSignal): Promise<Scan> {
  try {
    const root = await realpath(path);
    const stats = await lstat(root, { bigint: true });
    if (stats.isFile()) {
      return { kind: "file", root, files: [{ path: "", absolute: root, print: printOf(stats) }], emptyFolders: [] };
    }
    if (!stats.isDirectory()) throw refusal(`${path} is neither a file nor a folder`);
    const found = { files: [] as FoundFile[], emptyFolders: [] as string[] };
    await scanFolder(root, "", found, signal);
    return { kind: "tree", root, ...found };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Are two looks at one path the same, down to every inode and time? */
export function sameScan(a: Scan, b: Scan): boolean {
  const text = ({ kind, root, files, emptyFolders }: Scan) => JSON.stringify([kind, root, files, emptyFolders]);
  return text(a) === text(b);
}

/** Size, times, inode and mode: the change time cannot be set back by whoever writes. */
export function printOf({ dev, ino, size, mtimeNs, ctimeNs, mode }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs, mode].join(":");
}

async function scanFolder(
  root: string,
  folder: string,
  found: { files: FoundFile[]; emptyFolders: string[] },
  signal: AbortSignal | undefined,
): Promise<void> {
  const names = await readdir(join(root, folder), { encoding: "buffer" });
  if (names.length === 0 && folder !== "") found.emptyFolders.push(folder);
  for (const raw of names.sort(Buffer.compare)) {
    signal?.throwIfAborted();
    const name = raw.toString("utf8");
    if (!Buffer.from(name, "utf8").equals(raw)) throw refusal(`a name in ${join(root, folder)} is not UTF-8`);
    assertKeepable(name);
    const path = folder === "" ? name : `${folder}/${name}`;
    const absolute = join(root, path);
    const stats = await lstat(absolute, { bigint: true });
    if (stats.isDirectory()) await scanFolder(root, path, found, signal);
    else if (stats.isFile()) found.files.push({ path, absolute, print: printOf(stats) });
    else throw refusal(`${absolute} is a symlink, a device, a socket or a pipe, which no digest can cover`);
    if (found.files.length + found.emptyFolders.length > MOST_ENTRIES) {
      throw refusal(`${root} has more than ${MOST_ENTRIES} entries; pack it into one file`);
    }
  }
}

/** The catalogue's error for a failed system call; other errors as they are. */
export function unreadable(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof RollbookError || typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code)) return error;
  return new RollbookError("FILE_UNREADABLE", { file: path, reason: code });
}
