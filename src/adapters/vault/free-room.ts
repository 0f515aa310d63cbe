import { statfsSync } from "node:fs";
import { type Digest, shortDigest } from "../../core/digest.ts";
import type { RevisionStore } from "./revision-store.ts";

/** What must stay free beside a revision that is written out: for what serves from the same disk, and for names and blocks. */
const SPARE_BYTES = 16 * 2 ** 20;

/** Why so many bytes of a revision should not be written below a folder, if so. */
export function roomFlaw(folder: string, digest: Digest, bytes: number): string | undefined {
  const { bavail, bsize } = statfsSync(folder);
  const [free, needs] = [bavail * bsize, bytes + SPARE_BYTES];
  if (free >= needs) return undefined;
  return `${folder} has ${free} bytes free, and writing ${shortDigest(digest)} out takes ${needs}`;
}

/**
 * The store for work below a folder that may be left undone: it throws where a revision would take the room of what serves.
 * One is written out at a time, whatever the folder, else each would count on the same room.
 */
export function sparingRoom(store: RevisionStore): (folder: string) => RevisionStore {
  let last: Promise<unknown> = Promise.resolve();
  return (folder) => ({
    ...store,
    materialise(digest, destination, access, signal) {
      const work = last.then(async () => {
        signal?.throwIfAborted();
        const flaw = roomFlaw(folder, digest, (await store.find(digest))?.bytes ?? 0);
        if (flaw !== undefined) throw new Error(flaw);
        await store.materialise(digest, destination, access, signal);
      });
      last = work.catch(() => undefined);
      return work;
    },
  });
}
