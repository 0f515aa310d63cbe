import { Agent, request } from "undici";
import type { Milliseconds } from "../../core/time.ts";

/** How a monitoring server is reached. */
export interface ServerAccess {
  /** Base of the API, a path prefix included, for example `https://metrics.example/prometheus`. */
  readonly url: string;
  /** Sent with every call: `Authorization`, `X-Scope-OrgID` ... */
  readonly headers?: Readonly<Record<string, string>>;
  /** Certificates (PEM) that are trusted instead of the system's. */
  readonly ca?: string;
  /** Of one call, answer included: 5 s without it. */
  readonly timeoutMs?: Milliseconds;
}

/** A JSON answer, or why there is none that could be relied on. */
export type ServerAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly body: unknown }
  | { readonly kind: "silence"; readonly reason: string };

export interface Server {
  readonly timeoutMs: Milliseconds;
  /** One GET, or one POST of a form when the query is too long for an address. Never throws; redirects are not followed. */
  call(path: string, query: URLSearchParams, signal: AbortSignal): Promise<ServerAnswer>;
  close(): Promise<void>;
}

const MOST_BYTES = 32 * 1024 * 1024;
const LONGEST_ADDRESS = 4000;

/** Throws on an address that is not plain HTTP or HTTPS. */
export function createServer({ url, headers = {}, ca, timeoutMs = 5000 }: ServerAccess): Server {
  const base = baseOf(url);
  const agent = new Agent({ connections: 4, ...(ca === undefined ? {} : { connect: { ca } }) });

  async function answerOf(path: string, query: URLSearchParams, signal: AbortSignal): Promise<ServerAnswer> {
    const text = query.toString();
    const long = text.length > LONGEST_ADDRESS;
    const { statusCode, body } = await request(`${base}${path}${long || text === "" ? "" : `?${text}`}`, {
      dispatcher: agent,
      method: long ? "POST" : "GET",
      headers: {
        accept: "application/json",
        ...headers,
        ...(long ? { "content-type": "application/x-www-form-urlencoded" } : {}),
      },
      body: long ? text : null,
      signal,
    });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > MOST_BYTES) return { kind: "silence", reason: "the answer is larger than 32 MiB" };
      chunks.push(chunk);
    }
    return { kind: "answer", status: statusCode, body: jsonOf(Buffer.concat(chunks).toString("utf8")) };
  }

  return {
    timeoutMs,
    async call(path, query, signal) {
      try {
        signal.throwIfAborted();
        return await answerOf(path, query, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
      } catch (error) {
        return { kind: "silence", reason: reasonOf(error, timeoutMs) };
      }
    },
    close: () => agent.close(),
  };
}

function baseOf(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) throw new Error(`${url} is not an HTTP or HTTPS address`);
  if (parsed.username !== "" || parsed.password !== "" || parsed.search !== "" || parsed.hash !== "") {
    throw new Error("the address must have no credentials, query or fragment: credentials belong under auth");
  }
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, "")}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown, timeoutMs: Milliseconds): string {
  if (!(error instanceof Error)) return "no answer";
  if (error.name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  if (error.name === "AbortError") return "the call was aborted";
  return "code" in error && typeof error.code === "string"
    ? `no answer (${error.code})`
    : `no answer: ${error.message}`;
}
