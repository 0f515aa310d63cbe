import { DatabaseSync } from "node:sqlite";
import { RollbookError } from "../../core/errors.ts";
import { prepareFile } from "./folder.ts";

const SQLITE_BUSY = 5;

/** The right to be the only process that uses a data folder. */
export interface FolderLock {
  free(): void;
}

/**
 * Takes the lock or throws DATA_FOLDER_IN_USE at once. It is an operating-system lock, held through an open exclusive
 * transaction of a database that is empty: it vanishes with the process, however that ends.
 */
export function lockFolder(folder: string): FolderLock {
  const database = new DatabaseSync(prepareFile(folder, "lock.sqlite"), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY)
      throw new RollbookError("DATA_FOLDER_IN_USE", { folder });
    throw error;
  }
  return {
    free: () => {
      if (database.isOpen) database.close();
    },
  };
}
