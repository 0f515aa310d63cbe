/** `STORE_UNREACHABLE`: nothing was written. `COMMIT_UNDECIDED`: it may have been written; read before you go on. */
export type PostgresFailure = "STORE_UNREACHABLE" | "COMMIT_UNDECIDED";

/** What Postgres could not answer. What it did answer, an error included, comes through as it is. */
export class PostgresError extends Error {
  readonly code: PostgresFailure;

  constructor(code: PostgresFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "PostgresError";
    this.code = code;
  }
}

/** The SQLSTATE of an error that the server sent (PostgreSQL documentation, appendix A). */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === "string" && severity !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * Did the connection end without an answer to what was sent? Class 08 is a broken connection, 57P01 to 57P03 a server
 * that ends or starts: a commit that waited for its standby may be done all the same.
 */
export function isLost(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined ? isOfTheWire(error) : state.startsWith("08") || /^57P0[1-5]$/.test(state);
}

/** Errors of the socket have a code of the system; pg's own about a connection have none. */
function isOfTheWire(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return false;
  const { code } = error as { code?: unknown };
  return code === undefined
    ? /connect|timeout|terminated|queryable/i.test(error.message)
    : /^E(?!RR_)[A-Z]/.test(String(code));
}

/** The transaction was undone because of others, and the same may go through at once: serialisation, deadlock. */
export function isConflict(error: unknown): boolean {
  return ["40001", "40P01"].includes(sqlStateOf(error) ?? "");
}

/** The same error without a secret in its message. */
export function scrubbed(error: unknown, secret: string): unknown {
  if (!(error instanceof Error) || secret === "") return error;
  for (const form of new Set([secret, encodeURIComponent(secret)])) {
    error.message = error.message.replaceAll(form, "***");
    if (error.stack !== undefined) error.stack = error.stack.replaceAll(form, "***");
  }
  return error;
}
