import { silenceOf, textWithin } from "../bounded-answer.ts";

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
    const text = await textWithin(response, MAX_BODY_BYTES);
    if (text === undefined) return { kind: "silence", reason: "the answer is larger than 64 KiB" };
    return { kind: "answer", status: response.status, body: jsonObject(text) };
  } catch (error) {
    return { kind: "silence", reason: silenceOf(error) };
  }
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
