/** The text of an answer, or undefined when it is larger than so many bytes after decompression. */
export async function textWithin(response: Response, mostBytes: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Why a call has no answer, in words that do not hold its address. */
export function silenceOf(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  if (error.name === "TimeoutError") return "no answer in time";
  if (error.name === "AbortError") return "the call was aborted";
  const cause = error.cause instanceof Error ? error.cause : error;
  return "code" in cause && typeof cause.code === "string"
    ? `no answer (${cause.code})`
    : `no answer: ${cause.message}`;
}
