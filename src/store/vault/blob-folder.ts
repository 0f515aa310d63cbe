import { lstat, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beginDraft, makeFolder, syncFolder } from "./durable-file.ts";
import { type ContentMemory, type FileContent, readContent } from "./file-reader.ts";
import { printOf } from "./path-scan.ts";

export type BlobState = "intact" | "damaged" | "missing";

/** Immutable contents, each once, in files that are named after their SHA-256. */
export interface BlobFolder {
  /** Copies a file in, unless its content is there and intact; answers what it held. Durable after `flush`. */
  put(file: string, print: string, signal?: AbortSignal): Promise<FileContent>;
  flush(): Promise<void>;
  /** Streams a content to `take`; throws when it is not what its name says, after the last piece. */
  read(sha256: string, take: (piece: Uint8Array) => Promise<unknown>, signal?: AbortSignal): Promise<void>;
  /** Reads it, or relies on what was read of the unchanged file before when `remembered`. */
  state(sha256: string, how: "read" | "remembered", signal?: AbortSignal): Promise<BlobState>;
  names(): Promise<readonly string[]>;
  remove(sha256: string): Promise<void>;
}

export function createBlobFolder(folder: string, drafts: string, memory: ContentMemory): BlobFolder {
  const fileOf = (sha256: string) => join(folder, sha256.slice(0, 2), sha256);
  const unsynced = new Set<string>();

  async function state(sha256: string, how: "read" | "remembered", signal?: AbortSignal): Promise<BlobState> {
    try {
      const file = fileOf(sha256);
      if (how === "read") memory.forget(file);
      const found = await memory.content(file, printOf(await lstat(file, { bigint: true })), signal);
      return found.sha256 === sha256 ? "intact" : "damaged";
    } catch (error) {
      signal?.throwIfAborted();
      return (error as NodeJS.ErrnoException).code === "ENOENT" ? "missing" : "damaged";
    }
  }

  return {
    state,
    async put(file, print, signal) {
      const known = memory.recall(file, print);
      if (known !== undefined && (await state(known.sha256, "remembered", signal)) === "intact") {
        unsynced.add(dirname(fileOf(known.sha256)));
        return known;
      }
      const draft = await beginDraft(drafts);
      try {
        const content = await readContent(file, (piece) => draft.write(piece), signal);
        // A content that is there is not written again; one that has rotted is mended by the fresh copy.
        if ((await state(content.sha256, "remembered", signal)) !== "intact") {
          const target = fileOf(content.sha256);
          await makeFolder(dirname(target));
          memory.forget(target);
          await draft.publish(target);
        }
        unsynced.add(dirname(fileOf(content.sha256)));
        return content;
      } finally {
        await draft.close();
      }
    },
    async flush() {
      for (const shard of [...unsynced]) {
        await syncFolder(shard);
        unsynced.delete(shard);
      }
    },
    async read(sha256, take, signal) {
      const content = await readContent(fileOf(sha256), take, signal);
      if (content.sha256 !== sha256) throw new Error(`the vault's copy of ${sha256} is damaged`);
    },
    async names() {
      const shards = (await readdir(folder)).filter((name) => /^[0-9a-f]{2}$/.test(name));
      const names = await Promise.all(shards.map((shard) => readdir(join(folder, shard))));
      return names.flat().filter((name) => /^[0-9a-f]{64}$/.test(name));
    },
    remove: (sha256) => {
      memory.forget(fileOf(sha256));
      return rm(fileOf(sha256), { force: true });
    },
  };
}
