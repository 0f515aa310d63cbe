import { hash } from "node:crypto";

/** The SHA-256 of some bytes, written `sha256:<64 hex digits>`. */
export type Digest = `sha256:${string}`;

/** A value that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** SHA-256 of bytes or of the UTF-8 of a text. */
export function digestOf(content: string | Uint8Array): Digest {
  return `sha256:${hash("sha256", content, "hex")}`;
}

/**
 * JSON with sorted keys and no white space, so that equal values have equal bytes.
 * Numbers are written as ECMAScript writes them, which is what RFC 8785 asks for, or as `writeNumber` does.
 */
export function canonicalJson(value: Json, writeNumber: (value: number) => string = JSON.stringify): string {
  if (typeof value === "number") return writeNumber(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item as Json, writeNumber)).join(",")}]`;
  const fields = value as { readonly [key: string]: Json | undefined };
  let text = "";
  for (const key of Object.keys(fields).sort()) {
    const field = fields[key];
    if (field !== undefined) text += `${text && ","}${JSON.stringify(key)}:${canonicalJson(field, writeNumber)}`;
  }
  return `{${text}}`;
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
