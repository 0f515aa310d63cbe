import type { Milliseconds } from "../../core/time.ts";

/** Why MLflow did not do what was asked. With a `status` it answered; without one nobody knows what it did. */
export class MlflowProblem extends Error {
  readonly status: number | undefined;

  constructor(reason: string, status?: number) {
    super(reason);
    this.name = "MlflowProblem";
    this.status = status;
  }

  /** It said no, and will say no again: nothing was changed. */
  get refused(): boolean {
    const { status } = this;
    return status !== undefined && status >= 300 && status < 500 && ![408, 425, 429].includes(status);
  }

  get missing(): boolean {
    return this.status === 404;
  }
}

export type Body = Readonly<Record<string, unknown>>;

/** Speaks HTTP with one server; every method throws `MlflowProblem`. */
export interface MlflowCall {
  get(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Body>;
  post(path: string, body: Body, signal: AbortSignal): Promise<Body>;
  /** The bytes of an answer, piece by piece; more than `most` is a problem. */
  bytes(
    path: string,
    query: Readonly<Record<string, string>>,
    most: number,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
}

export interface MlflowCallOptions {
  /** Base URL of the server, with its static prefix if it has one. */
  readonly url: string;
  /** Value of the `Authorization` header. */
  readonly authorization?: string;
  readonly fetch?: typeof globalThis.fetch;
  /** Of one call, answer included. */
  readonly timeoutMs: Milliseconds;
}

/** The largest JSON answer that is read: a page of 100 versions with long prompts fits. */
const MOST_JSON = 16 * 1024 * 1024;

export function createMlflowCall({ url, authorization, fetch, timeoutMs }: MlflowCallOptions): MlflowCall {
  const base = url.replace(/\/+$/, "");
  const headers = { accept: "application/json", ...(authorization === undefined ? {} : { authorization }) };

  async function* send(path: string, init: RequestInit, most: number, signal: AbortSignal) {
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const response = await (fetch ?? globalThis.fetch)(`${base}${path}`, {
        ...init,
        redirect: "manual",
        signal: limit,
      });
      if (response.status !== 200) throw await problemOf(response, path);
      let size = 0;
      for await (const chunk of response.body ?? []) {
        size += chunk.byteLength;
        if (size > most) throw new MlflowProblem(`the answer to ${path} is larger than ${most} bytes`);
        yield chunk;
      }
    } catch (error) {
      throw error instanceof MlflowProblem ? error : new MlflowProblem(silenceOf(error, timeoutMs));
    }
  }
  const json = async (path: string, init: RequestInit, signal: AbortSignal) =>
    bodyOf(await textOf(send(path, init, MOST_JSON, signal)), path);

  return {
    get: (path, query, signal) => json(withQuery(path, query), { headers }, signal),
    post: (path, body, signal) =>
      json(
        path,
        { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) },
        signal,
      ),
    bytes: (path, query, most, signal) => send(withQuery(path, query), { headers }, most, signal),
  };
}

function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? path : `${path}?${text}`;
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(chunks)).toString("utf8");
}

function bodyOf(text: string, path: string): Body {
  const value = parsed(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Body;
  throw new MlflowProblem(`the answer to ${path} is no JSON object: is this an MLflow server?`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** MLflow answers errors as `{ error_code, message }`; a proxy in front of it answers anything. */
async function problemOf(response: Response, path: string): Promise<MlflowProblem> {
  const { status } = response;
  const body = parsed((await response.text()).slice(0, 65_536)) as { message?: unknown } | null | undefined;
  const message = typeof body?.message === "string" ? `: ${body.message.slice(0, 300)}` : "";
  const hint = status >= 300 && status < 400 ? "; redirects are not followed" : "";
  return new MlflowProblem(`MLflow answers ${status} to ${path.split("?")[0]}${message}${hint}`, status);
}

function silenceOf(error: unknown, timeoutMs: Milliseconds): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `MLflow gave no answer within ${timeoutMs} ms`;
  if (error.name === "AbortError") return "the call was given up";
  const cause = error.cause instanceof Error ? error.cause : error;
  return `MLflow cannot be reached: ${"code" in cause ? String(cause.code) : cause.message}`;
}
