import type { ServerResponse } from "node:http";

/** Why the gateway itself answers, with the status that says so. */
export const refusals = {
  NO_ROUTE: { status: 503, message: "no release serves this system yet" },
  CONTAINED: { status: 503, message: "the system is contained, and no fallback was declared" },
  UPGRADE_UNSUPPORTED: { status: 501, message: "this gateway passes HTTP and event streams on, but no WebSockets" },
  BODY_TOO_LARGE: { status: 413, message: "the request body is larger than this gateway takes" },
  BAD_REQUEST: { status: 400, message: "the request cannot be passed on" },
  UPSTREAM_UNREACHABLE: { status: 502, message: "the upstream did not answer" },
  UPSTREAM_TIMEOUT: { status: 504, message: "the upstream took too long" },
} as const;

export type Refusal = keyof typeof refusals;

/** Which refusal an error before the response headers is. */
export function refusalOf(error: Error): Refusal {
  const code = (error as { code?: string }).code ?? "";
  if (code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_NOT_SUPPORTED") return "BAD_REQUEST";
  return /TIMEOUT|ETIMEDOUT/.test(code) ? "UPSTREAM_TIMEOUT" : "UPSTREAM_UNREACHABLE";
}

/** Answers in the gateway's own name. The `error` object is the shape that the OpenAI and Anthropic SDKs read. */
export function refuse(response: ServerResponse, why: Refusal, headers: readonly string[]): void {
  const { status, message } = refusals[why];
  const body = JSON.stringify({ error: { type: "gateway_error", code: why, message } });
  const own = ["content-type", "application/json", "content-length", String(Buffer.byteLength(body))];
  if (why === "BODY_TOO_LARGE") own.push("connection", "close");
  response.writeHead(status, [...headers, ...own]);
  response.end(body);
}
