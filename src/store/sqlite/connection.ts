import { statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { RollbookError } from "../../core/errors.ts";

/** SQLite before 3.51.3 can corrupt a WAL database (the WAL-reset bug, sqlite.org/wal.html). */
const OLDEST_SQLITE = [3, 51, 3] as const;

/** Primary result codes after which this handle must not be trusted: IOERR, CORRUPT, NOTADB. */
const FATAL: ReadonlySet<number> = new Set([10, 11, 26]);

/** READONLY and FULL. */
const NO_ROOM: ReadonlySet<number> = new Set([8, 13]);

/** What SQLite says of itself, as far as durability depends on it. */
export interface Settings {
  readonly version: string;
  readonly journal: string;
  readonly synchronous: number;
}

/** Throws STORE_UNSAFE unless an acknowledged commit survives a power cut under these settings. */
export function assertDurable({ version, journal, synchronous }: Settings): void {
  const unsafe = (reason: string) => new RollbookError("STORE_UNSAFE", { reason });
  if (!isRecent(version)) throw unsafe(`SQLite ${version} is older than ${OLDEST_SQLITE.join(".")}`);
  if (journal !== "wal") throw unsafe(`the journal mode is ${journal}, not wal`);
  if (synchronous !== 2) throw unsafe(`synchronous is ${synchronous}, not FULL`);
}

function isRecent(version: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [place, oldest] of OLDEST_SQLITE.entries()) {
    const part = parts[place] ?? 0;
    if (part !== oldest) return part > oldest;
  }
  return true;
}

/** One writing connection with checked settings. Everything on it is synchronous, so transactions never interleave. */
export class Connection {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #file: string | undefined;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #failure: string | undefined;

  /** Throws STORE_UNSAFE when the settings do not hold. */
  constructor(path: string) {
    this.#path = path;
    this.#database = new DatabaseSync(path, {
      timeout: 5000,
      enableForeignKeyConstraints: true,
      enableDoubleQuotedStringLiterals: false,
      defensive: true,
    });
    try {
      this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
      assertDurable(this.#settings());
      this.#file = fileAt(path);
      this.#begin = this.#database.prepare("BEGIN IMMEDIATE");
      this.#commit = this.#database.prepare("COMMIT");
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  #settings(): Settings {
    const first = (sql: string) => Object.values(this.#database.prepare(sql).get() ?? {})[0];
    return {
      version: String(first("SELECT sqlite_version()")),
      journal: String(first("PRAGMA journal_mode")),
      synchronous: Number(first("PRAGMA synchronous")),
    };
  }

  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql);
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /**
   * Brings the log that a dead process left into the database, flushed. After a failed flush the kernel may show pages
   * that the disk does not have (Rebello et al., ATC 2020): what is read is written once more before anything rests on it.
   */
  takeIn(): void {
    try {
      this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      // Without room, or on a disk that takes no write, the log stays as it is, and nothing is acknowledged.
      if (!NO_ROOM.has(Number((error as { errcode?: number }).errcode) & 0xff)) throw error;
    }
  }

  /**
   * Runs the work in one durable transaction: all of it or none. Every error reaches the caller. After a failed flush
   * the kernel may have dropped the pages, so a second try on this handle would lie: all later writes are refused.
   */
  transaction<T>(work: () => T): T {
    // A file without a name still takes writes, and all of them are lost when this process ends.
    if (fileAt(this.#path) !== this.#file)
      this.#failure ??= `${this.#path} was removed or replaced while it was in use; put it back from a backup and start again`;
    if (this.#failure !== undefined)
      throw new RollbookError("STORE_UNSAFE", { reason: `nothing is written any more: ${this.#failure}` });
    try {
      this.#begin.run();
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      const { errcode } = error as { errcode?: number };
      if (errcode !== undefined && FATAL.has(errcode & 0xff)) this.#failure = String((error as Error).message);
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** Which file has this name now; undefined for none. */
function fileAt(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
