import { RollbookError } from "./errors.ts";

/** What SQLite says of a file that it cannot use now: BUSY, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB. */
const UNUSABLE: ReadonlySet<number> = new Set([5, 8, 10, 11, 13, 14, 26]);

/** Of these, what a handle is not to be trusted after: the kernel may have dropped what it said it had (IOERR), or worse. */
const FATAL: ReadonlySet<number> = new Set([10, 11, 26]);

interface Given {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly errcode?: unknown;
}

/**
 * What a store says that it cannot be read or written now, as an error of the catalogue; undefined for any other error.
 * Stores have errors of their own for that; Postgres' codes are the catalogue's.
 */
export function storeErrorOf(error: unknown): RollbookError | undefined {
  const { code, message, errcode } = (error ?? {}) as Given;
  if (code === "ERR_SQLITE_ERROR" && UNUSABLE.has(Number(errcode) & 0xff))
    return new RollbookError("STORE_UNSAFE", { reason: String(message) });
  if (code !== "STORE_UNREACHABLE" && code !== "COMMIT_UNDECIDED" && code !== "STORE_UNSAFE") return undefined;
  return error instanceof RollbookError ? error : new RollbookError(code, { reason: String(message) });
}

/** Will this store take no write any more, whatever is tried? */
export function isStoreOver(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as Given;
  return code === "STORE_UNSAFE" || (code === "ERR_SQLITE_ERROR" && FATAL.has(Number(errcode) & 0xff));
}
