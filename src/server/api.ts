import { createHash, timingSafeEqual } from "node:crypto";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { RollbookError } from "../core/errors.ts";
import type { Store, TokenRecord } from "../core/ports.ts";
import type { Operation } from "../operations/operation.ts";
import { allows, type Permission } from "../operations/permission.ts";
import type { EventStream } from "./event-stream.ts";
import { problemOf } from "./problem.ts";

const MAX_BODY = 1024 * 1024;
const PROBLEM = "application/problem+json";

export interface ApiParts {
  readonly store: Store;
  readonly operations: readonly Operation<never, unknown>[];
  readonly events: EventStream;
  /** OFREP: pure functions of the flags room. */
  readonly flags: (method: string, path: string, body: string, etag: string | undefined) => FlagAnswer;
  /** What clients that assign by themselves follow, and who keeps flags in a cache. */
  readonly assignments: {
    answer(system: string, query: Readonly<Record<string, string>>): FlagAnswer;
    stream(system: string, signal: AbortSignal): Response;
    changes(signal: AbortSignal): Response;
  };
  /** Alerts that somebody posts to a connection. */
  readonly alerts: (connection: string, body: object) => Promise<object>;
  /** Why this process has to be started again; undefined while it is well. */
  readonly ill: () => string | undefined;
  readonly page: (path: string) => { readonly type: string; readonly content: string } | undefined;
  readonly log: (text: string) => void;
}

export interface FlagAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const SECURITY_HEADERS = {
  "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
} as const;

/** The HTTP API and the page. Maps operations to transport; decides nothing. */
export function createApi(parts: ApiParts): Hono {
  const api = new Hono();
  api.use(async (context, next) => {
    if (isLocalHost(context.req.header("host"))) await next();
    else context.res = problem(context, 421, "This host name is not ours: only loopback names are answered.");
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) context.res.headers.set(name, value);
    return undefined;
  });
  const larger = new Map(parts.operations.map(({ path, maxBody = MAX_BODY }) => [path, limited(maxBody)]));
  const usual = limited(MAX_BODY);
  api.use((context, next) => (larger.get(context.req.path) ?? usual)(context, next));
  for (const operation of parts.operations) {
    api.on(operation.method, operation.path.replace(/\{(\w+)\}/g, ":$1"), (context) =>
      answer(parts, operation, context),
    );
  }
  api.post("/v1/alerts/:connection", async (context) => {
    await permit(parts, context, "report");
    return context.json(await parts.alerts(context.req.param("connection"), await jsonOf(context)));
  });
  api.get("/v1/events", (context) => parts.events.connect(context.req.raw.signal));
  api.get("/healthz", (context) => {
    const reason = parts.ill();
    return reason === undefined ? context.json({ ok: true }) : context.json({ ok: false, reason }, 503);
  });
  api.post("/ofrep/v1/evaluate/flags/:key?", async (context) => {
    const { status, headers, body } = parts.flags(
      "POST",
      context.req.path,
      await context.req.text(),
      context.req.header("if-none-match"),
    );
    return new Response(status === 304 ? null : body, { status, headers });
  });
  api.get("/ofrep/v1/changes", (context) => parts.assignments.changes(context.req.raw.signal));
  api.get("/v1/assignments/:system", (context) => {
    const system = context.req.param("system");
    const { signal } = context.req.raw;
    if (context.req.header("accept") === "text/event-stream") return parts.assignments.stream(system, signal);
    const { status, headers, body } = parts.assignments.answer(system, context.req.query());
    return new Response(body, { status, headers });
  });
  api.get("*", (context) => {
    const file = parts.page(context.req.path);
    return file ? context.body(file.content, 200, { "Content-Type": file.type }) : context.notFound();
  });
  api.notFound((context) => problem(context, 404, `There is no ${context.req.method} ${context.req.path}.`));
  api.onError((error, context) => {
    const { status, body } = problemOf(error);
    if (status === 500) parts.log(`api: ${error.stack ?? error.message}`);
    return context.json(body, status, { "Content-Type": PROBLEM });
  });
  return api;
}

/** A body of a stated length is taken as it is: Node hands over no more of it, and looking at it as a stream is dear. */
function limited(maxSize: number): MiddlewareHandler {
  const onError = (context: Context) => problem(context, 413, `The body is larger than ${maxSize} bytes.`);
  const counted = bodyLimit({ maxSize, onError });
  return async (context, next) => {
    const length = context.req.header("content-length");
    if (length === undefined || context.req.header("transfer-encoding") !== undefined) return counted(context, next);
    return Number(length) > maxSize ? onError(context) : next();
  };
}

/** What has no place in the error catalogue, because it never reached an operation: also RFC 9457. */
function problem(context: Context, status: 404 | 413 | 421, title: string): Response {
  return context.json({ type: "about:blank", title, status }, status, { "Content-Type": PROBLEM });
}

/** Who calls. @throws UNAUTHORISED */
async function permit({ store }: ApiParts, context: Context, permission: Permission): Promise<TokenRecord | undefined> {
  const token = await tokenOf(store, context.req.header("authorization"));
  if (!allows(token?.role, permission)) throw new RollbookError("UNAUTHORISED");
  return token;
}

async function answer(parts: ApiParts, operation: Operation<never, unknown>, context: Context): Promise<Response> {
  const token = await permit(parts, context, operation.permission);
  // The path names what is acted on; nothing in a body or a query can name something else.
  const given = {
    ...(operation.method === "GET" ? context.req.query() : await jsonOf(context)),
    ...context.req.param(),
  };
  const output = await operation.run(inputOf(operation, given), token ? `token:${token.id}` : "anonymous");
  return context.json((output ?? null) as object);
}

/** @throws REQUEST_INVALID */
function inputOf<Input>({ plain, input }: Operation<Input, unknown>, given: object): Input {
  const asIs = plain?.(given);
  if (asIs !== undefined) return asIs;
  const parsed = input.safeParse(given);
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues.map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`).join("; ");
  throw new RollbookError("REQUEST_INVALID", { reason });
}

async function jsonOf(context: Context): Promise<object> {
  const text = await context.req.text();
  if (text === "") return {};
  try {
    // Who reads an object by its keys would drop this one without a word.
    const value: unknown = JSON.parse(text, text.includes("__proto__") ? refusePrototype : undefined);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch (error) {
    if (error instanceof RollbookError) throw error;
    throw new RollbookError("REQUEST_INVALID", { reason: `the body is not JSON: ${(error as Error).message}` });
  }
  throw new RollbookError("REQUEST_INVALID", { reason: "the body must be a JSON object" });
}

function refusePrototype(key: string, value: unknown): unknown {
  if (key !== "__proto__") return value;
  throw new RollbookError("REQUEST_INVALID", { reason: "__proto__ is no name" });
}

async function tokenOf(store: Store, header: string | undefined): Promise<TokenRecord | undefined> {
  const secret = /^Bearer (\S{1,200})$/.exec(header ?? "")?.[1];
  if (!secret) return undefined;
  const hash = createHash("sha256").update(secret).digest();
  return (await store.tokens()).find((token) => timingSafeEqual(Buffer.from(token.sha256, "hex"), hash));
}

/** Other hosts' names are refused, so that a page elsewhere cannot reach us by rebinding its own name to loopback. */
function isLocalHost(host: string | undefined): boolean {
  return host !== undefined && /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host);
}
