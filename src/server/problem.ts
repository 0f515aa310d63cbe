import { errorCatalogue, RollbookError } from "../core/errors.ts";
import { storeErrorOf } from "../core/store-error.ts";

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

/** An error as `application/problem+json` (RFC 9457), with the state that was left and what to do. */
export function problemOf(given: unknown): {
  readonly status: 400 | 401 | 404 | 409 | 500 | 503;
  readonly body: object;
} {
  const error = storeErrorOf(given) ?? given;
  if (error instanceof RollbookError) {
    const { state } = errorCatalogue[error.code];
    const { hint } = error;
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
