import { DatabaseSync } from "node:sqlite";
import { RollbookError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { prepareFile } from "../sqlite/folder.ts";

const SQLITE_BUSY = 5;
const PAUSE_MS = 25;

/** Where the lock is, and how long to wait for it. */
export interface LockPlace {
  readonly folder: string;
  readonly clock: Clock;
  readonly patience: Milliseconds;
}

/**
 * Runs work while nobody collects garbage (`shared`: any number of writers), or while nobody writes (`exclusive`), in
 * whatever process. It is an operating-system lock under an empty database: it vanishes with the process, however that
 * ends. Throws DATA_FOLDER_IN_USE when the lock is not to be had in time.
 */
export async function withVaultLock<T>(
  { folder, clock, patience }: LockPlace,
  kind: "shared" | "exclusive",
  work: () => Promise<T>,
): Promise<T> {
  const database = new DatabaseSync(prepareFile(folder, "lock.sqlite"), { timeout: 0 });
  const begin = kind === "shared" ? "BEGIN; SELECT count(*) FROM sqlite_schema" : "BEGIN EXCLUSIVE";
  try {
    for (let waited = 0; ; waited += PAUSE_MS) {
      try {
        database.exec(begin);
        break;
      } catch (error) {
        if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
        if (database.isTransaction) database.exec("ROLLBACK");
        if (waited >= patience) throw new RollbookError("DATA_FOLDER_IN_USE", { folder });
        await clock.sleep(PAUSE_MS);
      }
    }
    return await work();
  } finally {
    database.close();
  }
}
