import type { FlagState } from "../../core/ports.ts";
import type { FlagBook } from "./flag-book.ts";

/** An answer for any HTTP server to send; `body` is JSON text and empty for 304. */
export interface OfrepAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Failure = "FLAG_NOT_FOUND" | "PARSE_ERROR" | "INVALID_CONTEXT";

const FLAGS = "/ofrep/v1/evaluate/flags";

/**
 * The OpenFeature Remote Evaluation Protocol (open-feature/protocol, service/openapi.yaml): single and bulk evaluation.
 * The flags have one value for everyone, so the reason is always STATIC, the context is checked and not used, and no
 * targeting key is asked for. Answers undefined for a path that is not OFREP's.
 */
export function answerOfrep(
  flags: Pick<FlagBook, "get" | "list" | "digest">,
  method: string,
  path: string,
  body: string,
  ifNoneMatch?: string,
): OfrepAnswer | undefined {
  if (path !== FLAGS && !path.startsWith(`${FLAGS}/`)) return undefined;
  if (method !== "POST") return json(405, { errorDetails: "OFREP evaluates by POST" }, { allow: "POST" });
  const key = path === FLAGS ? undefined : decoded(path.slice(FLAGS.length + 1));
  if (key === null) return failure(400, undefined, "PARSE_ERROR", "the key in the path is not valid percent-encoding");
  const flaw = flawOf(body);
  if (flaw) return failure(400, key, flaw.code, flaw.details);
  if (key === undefined) return answerAll(flags, ifNoneMatch);
  const live = flags.get(key);
  return live ? json(200, evaluated(live.flag)) : failure(404, key, "FLAG_NOT_FOUND", `there is no flag "${key}"`);
}

function answerAll(flags: Pick<FlagBook, "list" | "digest">, ifNoneMatch: string | undefined): OfrepAnswer {
  const etag = `"${flags.digest().replace("sha256:", "")}"`;
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) return { status: 304, headers: { etag }, body: "" };
  return json(200, { flags: flags.list().map(evaluated) }, { etag });
}

function evaluated(flag: FlagState): object {
  const { key, variant, variants, digest } = flag;
  return { key, value: variants[variant], variant, reason: "STATIC", metadata: { revision: digest } };
}

/** The weak comparison of RFC 9110 §13.1.2, over a list or `*`. */
function matches(ifNoneMatch: string, etag: string): boolean {
  const tags = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function flawOf(body: string): { code: Failure; details: string } | undefined {
  if (body.trim() === "") return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { code: "PARSE_ERROR", details: "the body is not JSON" };
  }
  if (!isObject(parsed)) return { code: "PARSE_ERROR", details: "the body is not a JSON object" };
  const context = parsed["context"];
  if (context === undefined) return undefined;
  if (!isObject(context)) return { code: "INVALID_CONTEXT", details: "context is not an object" };
  const key = context["targetingKey"];
  if (key === undefined || typeof key === "string") return undefined;
  return { code: "INVALID_CONTEXT", details: "targetingKey is not a string" };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function failure(status: number, key: string | undefined, errorCode: Failure, errorDetails: string): OfrepAnswer {
  return json(status, { key, errorCode, errorDetails });
}

function json(status: number, content: object, headers: Readonly<Record<string, string>> = {}): OfrepAnswer {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(content) };
}
