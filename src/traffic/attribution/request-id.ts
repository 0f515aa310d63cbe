import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import type { Variant } from "../routing/assignment.ts";

/**
 * What served a request, as its id says it. `fallback`: assigned to the candidate and served by stable, because the
 * candidate could not be reached; such a request belongs to neither side of a comparison.
 */
export interface RequestIdentity {
  /** Start of the second in which it was dispatched, in seconds since 1970. */
  readonly second: number;
  readonly variant: Variant | "fallback";
  /** The first twelve hex digits of the release. */
  readonly release: string;
  /** Unique within second and release; 0 to 2^48 - 1. */
  readonly sequence: number;
}

const VARIANTS = ["stable", "candidate", "fallback"] as const;
const FORMAT = 0x52;
const SIGNED = 18;
const MAC = 12;
const LENGTH = ((SIGNED + MAC) / 3) * 4;

/**
 * A request id that needs no memory: format, variant, second, release, sequence, then 96 bits of HMAC-SHA256 (RFC
 * 2104, truncated as its section 5 allows), in base64url; 40 characters. Whoever holds the key can attribute an
 * outcome years later and in another process, and nobody else can make an id that counts.
 */
export function mintRequestId(key: KeyObject, identity: RequestIdentity): string {
  const bytes = Buffer.allocUnsafe(SIGNED + MAC);
  bytes[0] = FORMAT;
  bytes[1] = VARIANTS.indexOf(identity.variant);
  bytes.writeUInt32BE(identity.second, 2);
  bytes.writeUIntBE(Number.parseInt(identity.release, 16), 6, 6);
  bytes.writeUIntBE(identity.sequence, 12, 6);
  macOf(key, bytes).copy(bytes, SIGNED, 0, MAC);
  return bytes.toString("base64url");
}

/** Reads an id of ours; undefined for anything else. Junk is refused by its length, forgery in constant time. */
export function readRequestId(key: KeyObject, text: string): RequestIdentity | undefined {
  if (typeof text !== "string" || text.length !== LENGTH) return undefined;
  const bytes = Buffer.from(text, "base64url");
  // Decoding forgives foreign characters; an id has one spelling only.
  if (bytes.length !== SIGNED + MAC || bytes.toString("base64url") !== text) return undefined;
  if (!timingSafeEqual(macOf(key, bytes).subarray(0, MAC), bytes.subarray(SIGNED))) return undefined;
  const variant = VARIANTS[bytes[1]!];
  if (bytes[0] !== FORMAT || variant === undefined) return undefined;
  return {
    second: bytes.readUInt32BE(2),
    variant,
    release: bytes.toString("hex", 6, 12),
    sequence: bytes.readUIntBE(12, 6),
  };
}

/**
 * The release that a text claims to be an id of, unproved: it says whom to ask, and never what to believe. Undefined
 * for what cannot be an id.
 */
export function claimedRelease(text: string): string | undefined {
  if (typeof text !== "string" || text.length !== LENGTH) return undefined;
  const bytes = Buffer.from(text, "base64url");
  return bytes.length === SIGNED + MAC ? bytes.toString("hex", 6, 12) : undefined;
}

function macOf(key: KeyObject, bytes: Buffer): Buffer {
  return createHmac("sha256", key).update(bytes.subarray(0, SIGNED)).digest();
}
