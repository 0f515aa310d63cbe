import { createHash } from "node:crypto";
import { lstatSync, readlinkSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FileAccess } from "./revision-store.ts";

/** What lies at a path, by the path's own entry: a file, a symlink, a folder that cannot be switched, or nothing. */
export type PathKind = "file" | "link" | "folder" | "nothing" | "other";

export interface PathLook {
  readonly kind: PathKind;
  /** Changes whenever the entry is replaced, written or touched; it costs two system calls. */
  readonly print: string;
}

/** Where Rollbook keeps what it needs beside a path, on the path's own file system: a rename must be able to switch. */
export function besideOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.rollbook`);
}

/** Looks at the entry itself, not at what it leads to. Synchronous, so that a switch can follow at once. */
export function lookAt(path: string): PathLook {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return { kind: "nothing", print: "nothing" };
  const { dev, ino, size, mtimeNs, ctimeNs, mode } = stats;
  const target = stats.isSymbolicLink() ? readlinkSync(path) : "";
  const text = [dev, ino, size, mtimeNs, ctimeNs, mode, target].join(":");
  const print = createHash("sha256").update(text).digest("hex").slice(0, 16);
  if (stats.isSymbolicLink()) return { kind: "link", print };
  if (stats.isDirectory()) return { kind: "folder", print };
  return { kind: stats.isFile() ? "file" : "other", print };
}

/** Who may read what lies at the path now; a new revision is given to the same. */
export function accessAt(path: string): FileAccess {
  const stats = statSync(path);
  return { mode: fileMode(stats), uid: stats.uid, gid: stats.gid };
}

function fileMode(stats: Stats): number {
  return stats.mode & 0o666;
}

/** Is the entry a mount point of its own (a bind mount, a subPath)? Then no rename can replace it. */
export function isMountPoint(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined && stats.dev !== statSync(dirname(path)).dev;
}
