import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One HTTP call, its body already read as JSON. */
export interface Call {
  readonly method: string;
  /** The path's parts, decoded: `/components/model` is `["components", "model"]`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handle = (call: Call) => Answer | Promise<Answer>;

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

const BODY_LIMIT = 65_536;

/** The header's one value; undefined when it is missing. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}

export function notFound(what: string): Answer {
  return { status: 404, body: { reason: `there is no ${what}` } };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BODY_LIMIT) throw new SyntaxError(`the body is longer than ${BODY_LIMIT} bytes`);
    parts.push(part);
  }
  return size === 0 ? undefined : (JSON.parse(Buffer.concat(parts).toString("utf8")) as unknown);
}

async function answerTo(request: IncomingMessage, handle: Handle): Promise<Answer> {
  try {
    const url = new URL(request.url ?? "/", "http://localhost");
    const path = url.pathname.split("/").slice(1).map(decodeURIComponent);
    const body = request.method === "GET" ? undefined : await readJson(request);
    return await handle({
      method: request.method ?? "GET",
      path,
      query: url.searchParams,
      headers: request.headers,
      body,
    });
  } catch (error) {
    const malformed = error instanceof SyntaxError || error instanceof URIError;
    return { status: malformed ? 400 : 500, body: { reason: error instanceof Error ? error.message : String(error) } };
  }
}

function write(response: ServerResponse, answer: Answer): void {
  const text = JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...answer.headers,
  });
  response.end(text);
}

/**
 * Serves JSON over HTTP on loopback only. Listens on `port`, or on any free one when that is 0 or taken.
 * What a handler throws is answered as 500 with its message.
 */
export async function listen(handle: Handle, port = 0): Promise<Listening> {
  const server = createServer((request, response) => {
    void answerTo(request, handle).then((answer) => write(response, answer));
  });
  server.keepAliveTimeout = 60_000;
  const bind = (wanted: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(wanted, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  await bind(port).catch(async (error: NodeJS.ErrnoException) => {
    if (port === 0 || error.code !== "EADDRINUSE") throw error;
    await bind(0);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
