import { errorCatalogue, RollbookError } from "../core/errors.ts";

const STATUS: Partial<Record<RollbookError["code"], 400 | 401 | 404 | 409 | 503>> = {
  UNAUTHORISED: 401,
  NOT_FOUND: 404,
  RELEASE_REFUSED: 409,
  NOT_RECORDED: 503,
  STORE_UNSAFE: 503,
  SYSTEM_UNREACHABLE: 503,
  STORE_UNREACHABLE: 503,
  COMMIT_UNDECIDED: 503,
  ORDER_WAITING: 503,
};

/** What SQLite says of a file that it cannot use now: BUSY, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB. */
const UNUSABLE: ReadonlySet<number> = new Set([5, 8, 10, 11, 13, 14, 26]);

/** An error as `application/problem+json` (RFC 9457), with the state that was left and what to do. */
export function problemOf(given: unknown): {
  readonly status: 400 | 401 | 404 | 409 | 500 | 503;
  readonly body: object;
} {
  const error = ofTheStore(given) ?? given;
  if (error instanceof RollbookError) {
    const { state, hint } = errorCatalogue[error.code];
    const status = STATUS[error.code] ?? 400;
    return {
      status,
      body: { type: `/errors#${error.code}`, title: error.message, status, code: error.code, state, hint },
    };
  }
  return {
    status: 500,
    body: { type: "about:blank", title: "Something inside Rollbook broke.", status: 500, state: "Look at the log." },
  };
}

/** Stores have errors of their own for what they could not answer; their codes are the catalogue's. */
function ofTheStore(error: unknown): RollbookError | undefined {
  const { code, message, errcode } = (error ?? {}) as Partial<Record<"code" | "message" | "errcode", unknown>>;
  if (code === "ERR_SQLITE_ERROR" && UNUSABLE.has(Number(errcode) & 0xff))
    return new RollbookError("STORE_UNSAFE", { reason: String(message) });
  if (code !== "STORE_UNREACHABLE" && code !== "COMMIT_UNDECIDED") return undefined;
  return error instanceof RollbookError ? error : new RollbookError(code, { reason: String(message) });
}
