/** A JSON answer, or the reason why there is none that could be relied on. */
export type HttpAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly body: Readonly<Record<string, unknown>> }
  | { readonly kind: "silence"; readonly reason: string };

/** The largest answer that is read, after decompression. */
const MAX_BODY_BYTES = 64 * 1024;

/** One call: no redirects, at most 64 KiB of answer, and never an exception. */
export async function send(
  fetch: typeof globalThis.fetch,
  url: string,
  init: RequestInit,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  try {
    const response = await fetch(url, { ...init, redirect: "manual", signal });
    const text = await readText(response);
    if (text === undefined) return { kind: "silence", reason: "the answer is larger than 64 KiB" };
    return { kind: "answer", status: response.status, body: jsonObject(text) };
  } catch (error) {
    return { kind: "silence", reason: reasonOf(error) };
  }
}

async function readText(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** An answer that is no JSON object has no fields; the status still counts. */
function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  if (error.name === "TimeoutError") return "no answer in time";
  if (error.name === "AbortError") return "the call was aborted";
  const cause = error.cause instanceof Error ? error.cause : error;
  return "code" in cause && typeof cause.code === "string"
    ? `no answer (${cause.code})`
    : `no answer: ${cause.message}`;
}
