import type { Milliseconds } from "../../core/time.ts";

/** What a service that takes notices answered. */
export interface PostAnswer {
  readonly status: number;
  /** At most 64 KiB. */
  readonly text: string;
}

export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: Milliseconds;
}

const MOST_BYTES = 64 * 1024;

/**
 * One POST of JSON. Redirects are refused, because what is sent may carry a secret. @throws Error without the address,
 * which may be a secret itself, when there is no answer or a service says that it has no time now
 */
export async function postJson(
  fetch: typeof globalThis.fetch,
  { url, headers, body, timeoutMs }: Post,
  signal: AbortSignal,
): Promise<PostAnswer> {
  const { response, text } = await exchange(
    fetch,
    url,
    {
      method: "POST",
      redirect: "manual",
      headers: { "content-type": "application/json; charset=utf-8", ...headers },
      body,
    },
    AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  );
  const { status } = response;
  if (status >= 300 && status < 400) throw new Error(`it answers ${status}; redirects are not followed`);
  if (status === 429) {
    const after = response.headers.get("retry-after");
    throw new Error(
      `it has too many requests (429)${after === null ? "" : `; it asks to wait ${after.slice(0, 20)} s`}`,
    );
  }
  if (status >= 500) throw new Error(`it answers ${status}`);
  return { status, text };
}

async function exchange(fetch: typeof globalThis.fetch, url: string, init: RequestInit, signal: AbortSignal) {
  try {
    const response = await fetch(url, { ...init, signal });
    return { response, text: await textOf(response) };
  } catch (error) {
    throw new Error(reasonOf(error));
  }
}

/** The beginning of the answer; the rest is not waited for. */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    chunks.push(chunk);
    if (bytes > MOST_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MOST_BYTES).toString("utf8");
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  if (error.name === "TimeoutError") return "no answer in time";
  if (error.name === "AbortError") return "the call was aborted";
  const code = error.cause instanceof Error && "code" in error.cause ? error.cause.code : undefined;
  return typeof code === "string" ? `no answer (${code})` : "no answer";
}
