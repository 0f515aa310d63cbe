import { digestOf } from "../../core/digest.ts";
import type { FlagState } from "../../core/ports.ts";
import type { FlagBook } from "./flag-book.ts";
import type { ReleaseFlag } from "./release-flag.ts";

/** An answer for any HTTP server to send; `body` is JSON text and empty for 304. */
export interface OfrepAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What an answer draws on besides the built-in flags. */
export interface OfrepOptions {
  /** Flags that answer by targeting key. One of the same key as a built-in flag takes its place. */
  readonly releases?: readonly ReleaseFlag[];
  /** Path of the change stream; bulk answers name it as OFREP 0.3 says (ADR 0008), below the origin that was asked. */
  readonly changes?: string;
}

type Failure = "FLAG_NOT_FOUND" | "PARSE_ERROR" | "INVALID_CONTEXT" | "TARGETING_KEY_MISSING" | "GENERAL";

const FLAGS = "/ofrep/v1/evaluate/flags";

/**
 * The OpenFeature Remote Evaluation Protocol (open-feature/protocol, service/openapi.yaml): single and bulk evaluation.
 * Built-in flags have one value for everyone: their reason is STATIC, and they ask for no targeting key. Release flags
 * need one. Answers undefined for a path that is not OFREP's.
 */
export function answerOfrep(
  flags: Pick<FlagBook, "get" | "list" | "digest">,
  method: string,
  path: string,
  body: string,
  ifNoneMatch?: string,
  options: OfrepOptions = {},
): OfrepAnswer | undefined {
  if (path !== FLAGS && !path.startsWith(`${FLAGS}/`)) return undefined;
  if (method !== "POST") return json(405, { errorDetails: "OFREP evaluates by POST" }, { allow: "POST" });
  const key = path === FLAGS ? undefined : decoded(path.slice(FLAGS.length + 1));
  if (key === null) return failure(400, undefined, "PARSE_ERROR", "the key in the path is not valid percent-encoding");
  const read = readBody(body);
  if (read.kind === "flawed") return failure(400, key, read.code, read.details);
  if (key === undefined) return answerAll(flags, options, read.targetingKey, ifNoneMatch);
  const release = options.releases?.find((flag) => flag.key === key);
  if (release) return answerRelease(release, read.targetingKey);
  const live = flags.get(key);
  return live ? json(200, evaluated(live.flag)) : failure(404, key, "FLAG_NOT_FOUND", `there is no flag "${key}"`);
}

function answerRelease(flag: ReleaseFlag, targetingKey: string | undefined): OfrepAnswer {
  const content = evaluatedRelease(flag, targetingKey);
  return json("errorCode" in content ? 400 : 200, content);
}

function evaluatedRelease(flag: ReleaseFlag, targetingKey: string | undefined): object {
  const { key } = flag;
  const missing = "context.targetingKey decides who gets what, and is not there";
  if (!targetingKey) return { key, errorCode: "TARGETING_KEY_MISSING" satisfies Failure, errorDetails: missing };
  const none = "no release serves this system yet";
  return flag.evaluate(targetingKey) ?? { key, errorCode: "GENERAL" satisfies Failure, errorDetails: none };
}

/**
 * With release flags the answer belongs to one targeting key, and so does its tag: a client that comes back with another
 * user's tag gets its own answer. Nothing is assigned and no id is made for a 304.
 */
function answerAll(
  flags: Pick<FlagBook, "list" | "digest">,
  { releases = [], changes }: OfrepOptions,
  targetingKey: string | undefined,
  ifNoneMatch: string | undefined,
): OfrepAnswer {
  const states = releases.map((flag) => flag.state());
  const whole = JSON.stringify([flags.digest(), targetingKey ?? null, states]);
  const etag = `"${(states.length === 0 ? flags.digest() : digestOf(whole)).replace("sha256:", "")}"`;
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) return { status: 304, headers: { etag }, body: "" };
  const fixed = flags.list().filter(({ key }) => releases.every((flag) => flag.key !== key));
  const all = [...fixed.map(evaluated), ...releases.map((flag) => evaluatedRelease(flag, targetingKey))];
  const streams = changes === undefined ? {} : { eventStreams: [{ type: "sse", endpoint: { requestUri: changes } }] };
  return json(200, { flags: all, ...streams }, { etag });
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

type ReadBody =
  | { readonly kind: "read"; readonly targetingKey?: string }
  | { readonly kind: "flawed"; readonly code: Failure; readonly details: string };

function readBody(body: string): ReadBody {
  if (body.trim() === "") return { kind: "read" };
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { kind: "flawed", code: "PARSE_ERROR", details: "the body is not JSON" };
  }
  if (!isObject(parsed)) return { kind: "flawed", code: "PARSE_ERROR", details: "the body is not a JSON object" };
  const context = parsed["context"];
  if (context === undefined) return { kind: "read" };
  if (!isObject(context)) return { kind: "flawed", code: "INVALID_CONTEXT", details: "context is not an object" };
  const key = context["targetingKey"];
  if (key === undefined) return { kind: "read" };
  if (typeof key === "string") return { kind: "read", targetingKey: key };
  return { kind: "flawed", code: "INVALID_CONTEXT", details: "targetingKey is not a string" };
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
