import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { RollbookError } from "../../core/errors.ts";

/** Magic numbers of statfs(2) for file systems whose locks or flushes cannot be trusted; from linux/magic.h. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xfe534d42, "SMB"],
  [0xff534d42, "CIFS"],
  [0x01021997, "9P"],
  [0x00c36400, "Ceph"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x564c, "NCP"],
  [0x73757245, "Coda"],
]);

/** Throws STORE_UNSAFE for a file system that is known to be remote. */
export function assertLocal(fileSystem: number): void {
  const name = NETWORK_FILE_SYSTEMS.get(fileSystem >>> 0);
  if (name !== undefined) throw new RollbookError("STORE_UNSAFE", { reason: `the data folder is on ${name}` });
}

/** Makes the data folder, for its owner only, and refuses one on a network file system. */
export function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  assertLocal(statfsSync(folder).type);
}

/**
 * Makes an empty file for its owner only, unless it is there, and makes its name durable; answers its path.
 * It never opens a file that exists: POSIX drops the locks of a whole process when it closes any descriptor of a file.
 */
export function prepareFile(folder: string, name: string): string {
  const path = join(folder, name);
  try {
    closeSync(openSync(path, "wx", 0o600));
    for (const parent of [folder, dirname(folder)]) syncFolder(parent);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    chmodSync(path, 0o600);
  }
  return path;
}

function syncFolder(folder: string): void {
  // Windows cannot flush a folder; NTFS journals its names.
  if (process.platform === "win32") return;
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
