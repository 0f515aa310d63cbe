import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { fromBase64 } from "./base64.ts";

const ED25519 = 0x01;
const KEY_ID_SIZE = 4;
const MOST_BYTES = 1_000_000;
const MOST_SIGNATURES = 100;

/** The public half of a key with the name that it signs under. */
export interface NoteKey {
  readonly name: string;
  readonly publicKey: KeyObject;
}

/** The outcome of reading a note: its text only when a known key signed it and no known key's signature is bad. */
export type OpenedNote =
  | { readonly kind: "opened"; readonly text: string }
  | { readonly kind: "refused"; readonly reason: string };

/** SHA-256(name || 0x0A || 0x01 || public key)[:4], the id of an Ed25519 key (C2SP signed-note). */
export function keyIdOf({ name, publicKey }: NoteKey): Buffer {
  return createHash("sha256")
    .update(`${name}\n`)
    .update(Uint8Array.of(ED25519))
    .update(rawKeyOf(publicKey))
    .digest()
    .subarray(0, KEY_ID_SIZE);
}

/** The key as other C2SP tools take it: `name+id+base64`. */
export function verifierKeyOf(key: NoteKey): string {
  const encoded = Buffer.concat([Uint8Array.of(ED25519), rawKeyOf(key.publicKey)]).toString("base64");
  return `${key.name}+${keyIdOf(key).toString("hex")}+${encoded}`;
}

/** The 32 bytes of an Ed25519 public key. Throws TypeError for another kind of key. */
function rawKeyOf(publicKey: KeyObject): Buffer {
  if (publicKey.asymmetricKeyType !== "ed25519") throw new TypeError("the key is not an Ed25519 key");
  return Buffer.from(publicKey.export({ format: "jwk" })["x"] as string, "base64url");
}

/**
 * Signs a text as a C2SP signed note (c2sp.org/signed-note). Throws TypeError for a text or a name that no reader
 * would accept.
 */
export function signNote(text: string, name: string, privateKey: KeyObject): string {
  if (!isText(text)) throw new TypeError("the text of a note must be printable lines, each with its newline");
  if (!isName(name)) throw new TypeError("the name of a key must have no space and no plus sign");
  const id = keyIdOf({ name, publicKey: createPublicKey(privateKey) });
  const signature = sign(null, Buffer.from(text), privateKey);
  return `${text}\n— ${name} ${Buffer.concat([id, signature]).toString("base64")}\n`;
}

/** Reads a note strictly: one malformed line refuses the whole, signatures of unknown keys are passed over. */
export function openNote(note: string, keys: readonly NoteKey[]): OpenedNote {
  if (note.length > MOST_BYTES) return refused("the note is too long");
  const end = note.lastIndexOf("\n\n");
  const text = note.slice(0, end + 1);
  if (end < 0 || !isText(text)) return refused("the note has no proper text");
  const tail = note.slice(end + 2);
  if (!tail.endsWith("\n")) return refused("the note does not end with a signature line");
  const lines = tail.slice(0, -1).split("\n");
  if (lines.length > MOST_SIGNATURES) return refused("the note has too many signatures");
  let known = 0;
  for (const line of lines) {
    const found = parseSignature(line);
    if (found === undefined) return refused("a signature line is malformed");
    const key = keys.find((one) => one.name === found.name && keyIdOf(one).equals(found.id));
    if (key === undefined) continue;
    if (!verify(null, Buffer.from(text), key.publicKey, found.signature)) return refused("a signature is wrong");
    known += 1;
  }
  return known > 0 ? { kind: "opened", text } : refused("no known key signed the note");
}

function parseSignature(line: string): { name: string; id: Buffer; signature: Buffer } | undefined {
  const [dash, name, encoded, ...rest] = line.split(" ");
  if (dash !== "—" || name === undefined || encoded === undefined || rest.length > 0 || !isName(name)) return undefined;
  const bytes = fromBase64(encoded);
  if (bytes === undefined || bytes.length <= KEY_ID_SIZE) return undefined;
  return { name, id: bytes.subarray(0, KEY_ID_SIZE), signature: bytes.subarray(KEY_ID_SIZE) };
}

/** Well-formed Unicode that ends with a newline and has no control character besides newlines. */
function isText(text: string): boolean {
  return text.endsWith("\n") && text.length > 1 && text.isWellFormed() && !/[^\P{Cc}\n]/u.test(text);
}

function isName(name: string): boolean {
  return name.isWellFormed() && /^[^\s+\p{Cc}]+$/u.test(name);
}

function refused(reason: string): OpenedNote {
  return { kind: "refused", reason };
}
