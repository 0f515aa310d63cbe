import { link, mkdir, mkdtemp, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Makes a folder's names durable. Windows cannot flush a folder; NTFS journals its names. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder with all that leads to it, each name durable. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let at = folder; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at));
}

/** A file that is being written; nobody sees it under its name before it is whole and durable. */
export interface Draft {
  write(piece: Uint8Array): Promise<void>;
  /** Gives it its name, replacing what has it. Durable once the folder of the name is synced. */
  publish(file: string): Promise<void>;
  /** The same, unless the name is taken: then answers false and the draft stays unpublished. */
  publishOnce(file: string): Promise<boolean>;
  /** Removes what was not published. */
  close(): Promise<void>;
}

/** Begins a file in a folder for drafts, which must be on the file system of the final names. */
export async function beginDraft(drafts: string, mode = 0o444): Promise<Draft> {
  const folder = await mkdtemp(join(drafts, "draft-"));
  const path = join(folder, "content");
  const handle = await open(path, "wx", 0o600);
  let unsealed = true;
  const seal = async () => {
    if (!unsealed) return;
    await handle.chmod(mode);
    await handle.sync();
    await handle.close();
    unsealed = false;
  };
  return {
    async write(piece) {
      for (let written = 0; written < piece.byteLength; ) {
        written += (await handle.write(piece, written)).bytesWritten;
      }
    },
    async publish(file) {
      await seal();
      await rename(path, file);
    },
    async publishOnce(file) {
      await seal();
      try {
        await link(path, file);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
        throw error;
      }
    },
    async close() {
      if (unsealed) await handle.close();
      unsealed = false;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Writes a small text durably under a name; `once` answers false when the name is taken. */
export async function writeDurably(drafts: string, file: string, text: string, once = false): Promise<boolean> {
  const draft = await beginDraft(drafts);
  try {
    await draft.write(Buffer.from(text, "utf8"));
    let published = true;
    if (once) published = await draft.publishOnce(file);
    else await draft.publish(file);
    if (published) await syncFolder(dirname(file));
    return published;
  } finally {
    await draft.close();
  }
}
