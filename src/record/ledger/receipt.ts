import { createPublicKey, type KeyObject } from "node:crypto";
import { fromBase64 } from "./base64.ts";
import { openHead } from "./head.ts";
import { leafHash } from "./merkle.ts";
import { provesInclusion } from "./proof.ts";

/** Proof that one entry is in the log, for somebody with the log's public key and no network. Plain JSON. */
export interface Receipt {
  /** The exact text that was recorded. */
  readonly leaf: string;
  readonly index: number;
  /** How many entries the signed head covers. */
  readonly size: number;
  /** The hashes from the leaf to the root, in base64. */
  readonly proof: readonly string[];
  /** The signed head: a C2SP signed note. */
  readonly note: string;
}

/** Which log an accepted receipt belongs to, or why it was not accepted. */
export type ReceiptVerdict =
  | { readonly kind: "verified"; readonly origin: string; readonly index: number; readonly size: number }
  | { readonly kind: "broken"; readonly reason: string };

/**
 * Checks a receipt offline (RFC 9162 §2.1.3.2 under a C2SP checkpoint). The key's name is the origin that the note
 * itself states; who has one key for several logs gives the origin that must stand there. Takes any parsed JSON.
 */
export function verifyReceipt(receipt: unknown, publicKey: KeyObject | string, origin?: string): ReceiptVerdict {
  if (!isReceipt(receipt)) return broken("this is not a receipt");
  const { leaf, index, size, note } = receipt;
  const key = typeof publicKey === "string" ? createPublicKey(publicKey) : publicKey;
  const opened = openHead(note, { name: origin ?? firstLineOf(note), publicKey: key });
  if (opened.kind === "refused") return broken(opened.reason);
  if (opened.head.size !== size) return broken(`the note signs ${opened.head.size} entries, the receipt says ${size}`);
  const proof = receipt.proof.map(fromBase64);
  if (!proof.every((hash) => hash !== undefined)) return broken("the proof is not base64");
  // A lone surrogate would be hashed as U+FFFD: two texts under one hash.
  if (!leaf.isWellFormed()) return broken("the leaf is not Unicode");
  if (!provesInclusion({ index, size, leaf: leafHash(leaf), root: opened.head.root, proof }))
    return broken("the proof does not lead from the leaf to the signed root");
  return { kind: "verified", origin: opened.head.origin, index, size };
}

function isReceipt(value: unknown): value is Receipt {
  if (typeof value !== "object" || value === null) return false;
  const { leaf, index, size, proof, note } = value as Record<string, unknown>;
  return (
    typeof leaf === "string" &&
    typeof index === "number" &&
    typeof size === "number" &&
    typeof note === "string" &&
    Array.isArray(proof) &&
    proof.every((hash) => typeof hash === "string")
  );
}

function firstLineOf(note: string): string {
  return note.split("\n", 1)[0] ?? "";
}

function broken(reason: string): ReceiptVerdict {
  return { kind: "broken", reason };
}
