import { hash } from "node:crypto";

/** The SHA-256 of some bytes, written `sha256:<64 hex digits>`. */
export type Digest = `sha256:${string}`;

/** A value that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** Text that JSON writes as it is: printable ASCII without quotes and backslashes. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** SHA-256 of bytes or of the UTF-8 of a text. */
export function digestOf(content: string | Uint8Array): Digest {
  return `sha256:${hash("sha256", content, "hex")}`;
}

/**
 * JSON with sorted keys and no white space, so that equal values have equal bytes.
 * Numbers are written as ECMAScript writes them, which is what RFC 8785 asks for, or as `writeNumber` does.
 */
export function canonicalJson(value: Json, writeNumber: (value: number) => string = writeFinite): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") return writeNumber(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) text += `${text && ","}${canonicalJson(item, writeNumber)}`;
    return `[${text}]`;
  }
  const fields = value as { readonly [key: string]: Json | undefined };
  for (const key of inOrder(Object.keys(fields))) {
    const field = fields[key];
    if (field !== undefined) text += `${text && ","}${quoted(key)}:${canonicalJson(field, writeNumber)}`;
  }
  return `{${text}}`;
}

/** Most are in order already, and sorting costs more than to see that. */
function inOrder(keys: string[]): readonly string[] {
  for (let index = 1; index < keys.length; index++) if (keys[index - 1]! > keys[index]!) return keys.sort();
  return keys;
}

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** As ECMAScript writes it; what JSON cannot hold is null, as `JSON.stringify` has it. */
function writeFinite(value: number): string {
  return Number.isFinite(value) ? String(value) : "null";
}

/** The digest of a value's canonical JSON. */
export function digestOfJson(value: Json): Digest {
  return digestOf(canonicalJson(value));
}

export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);
}

/** The first twelve hex digits: enough for people, never for machines. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}
