import type { IncomingHttpHeaders } from "node:http";

/** Headers of one connection and not of the message (RFC 9110 §7.6.1), and those that each side writes itself. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const NOT_SENT_ON = new Set([...HOP_BY_HOP, "host", "expect"]);

/** The name of the header that callers stick by; any text, for example the id of a user. */
export const KEY_HEADER = "rollbook-key";

/** The request headers for the upstream, flat: names and values in turn. Ours cannot be spoofed. */
export function requestHeaders(raw: readonly string[], connection: string | undefined): string[] {
  const named = connection === undefined || connection === "keep-alive" ? undefined : namedBy(connection);
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (NOT_SENT_ON.has(name) || named?.has(name)) continue;
    if (name.startsWith("rollbook-") && name !== KEY_HEADER) continue;
    headers.push(name, raw[i + 1]!);
  }
  return headers;
}

/** The response headers for the client, flat, without what belongs to the upstream's connection. */
export function responseHeaders(from: IncomingHttpHeaders): string[] {
  const connection = from["connection"];
  const named = connection === undefined || connection === "keep-alive" ? undefined : namedBy(connection);
  const headers: string[] = [];
  for (const name in from) {
    if (HOP_BY_HOP.has(name) || named?.has(name) || name.startsWith("rollbook-")) continue;
    const value = from[name];
    if (Array.isArray(value)) for (const one of value) headers.push(name, one);
    else if (value !== undefined) headers.push(name, value);
  }
  return headers;
}

/** A Connection header names further headers that end here; `content-length` may not be among them. */
function namedBy(connection: string | readonly string[]): Set<string> {
  const names = new Set(
    String(connection)
      .toLowerCase()
      .split(/\s*,\s*/),
  );
  names.delete("content-length");
  return names;
}
