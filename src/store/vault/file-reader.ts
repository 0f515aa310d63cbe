import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Clock } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { refusal } from "./manifest.ts";
import { printOf } from "./path-scan.ts";

/** What a file held while it was read from its first byte to its last. */
export interface FileContent {
  readonly sha256: string;
  readonly size: number;
  readonly executable: boolean;
  readonly print: string;
}

const CHUNK_BYTES = 1 << 20;
/** The coarsest times that a file system keeps (FAT: two seconds); what is younger may change without a new time. */
const RACY_MS = 2000;
const MOST_REMEMBERED = 200_000;

/**
 * Reads a regular file once, in pieces of 1 MiB, and answers what it held; each piece is handed to `take`, if given.
 * Follows no symlink, never waits at a pipe. Throws REQUEST_INVALID when the file changes meanwhile.
 */
export async function readContent(
  file: string,
  take?: (piece: Uint8Array) => Promise<unknown>,
  signal?: AbortSignal,
): Promise<FileContent> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const before = await handle.stat({ bigint: true });
    if (!before.isFile()) throw refusal(`${file} is not a regular file`);
    const { sha256, size } = await pour(handle, take, signal);
    const print = printOf(await handle.stat({ bigint: true }));
    if (print !== printOf(before)) throw refusal(`${file} was changed while it was read`);
    return { sha256, size, executable: (before.mode & 0o100n) !== 0n, print };
  } finally {
    await handle.close();
  }
}

async function pour(
  handle: FileHandle,
  take: ((piece: Uint8Array) => Promise<unknown>) | undefined,
  signal: AbortSignal | undefined,
): Promise<{ sha256: string; size: number }> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let size = 0; ; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, size);
    if (bytesRead === 0) return { sha256: hash.digest("hex"), size };
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    await take?.(piece);
    size += bytesRead;
  }
}

/** Content by file, remembered for as long as nothing about the file changes, and no longer than `maxAge`. */
export interface ContentMemory {
  content(file: string, print: string, signal?: AbortSignal): Promise<FileContent>;
  /** What is remembered of the file under this print, without reading it. */
  recall(file: string, print: string): FileContent | undefined;
  forget(file: string): void;
}

/**
 * Remembers a content under its file's stats only when the file was at rest for two seconds before it was read: every
 * later change then has a later change time, however coarse the file system's times are. Writes through a shared
 * memory map get their times when the kernel flushes them; until then nobody but `maxAge` sees them.
 */
export function createContentMemory(clock: Clock, maxAge: Milliseconds): ContentMemory {
  const remembered = new Map<string, { content: FileContent; readAt: number }>();
  const recall = (file: string, print: string) => {
    const known = remembered.get(file);
    const age = known === undefined ? 0 : clock.now() - known.readAt;
    return known?.content.print === print && age >= 0 && age <= maxAge ? known.content : undefined;
  };
  return {
    recall,
    forget: (file) => void remembered.delete(file),
    async content(file, print, signal) {
      const known = recall(file, print);
      if (known !== undefined) return known;
      const readAt = clock.now();
      const content = await readContent(file, undefined, signal);
      remembered.delete(file);
      if (atRest(content.print, readAt)) {
        remembered.set(file, { content, readAt });
        for (const oldest of remembered.keys()) {
          if (remembered.size <= MOST_REMEMBERED) break;
          remembered.delete(oldest);
        }
      }
      return content;
    },
  };
}

function atRest(print: string, readAt: number): boolean {
  const [, , , modified, changed] = print.split(":").map(Number) as [number, number, number, number, number];
  return Math.max(modified, changed) / 1e6 < readAt - RACY_MS;
}
