import { createHmac } from "node:crypto";
import { RollbookError } from "../../core/errors.ts";

/** The key in a Standard Webhooks secret: `whsec_` and 24 to 64 bytes in base64. @throws REQUEST_INVALID */
export function signingKey(secret: string): Buffer {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  if (/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret) && key.length >= 24 && key.length <= 64) return key;
  throw new RollbookError("REQUEST_INVALID", {
    reason: "a webhook's secret is `whsec_` with 24 to 64 random bytes in base64 (`openssl rand -base64 32`)",
  });
}

/** The `webhook-signature` of a message: one `v1` for each key, parted by spaces (Standard Webhooks 1.0.0). */
export function signatureOf(keys: readonly Buffer[], id: string, timestamp: string, body: string): string {
  const content = `${id}.${timestamp}.${body}`;
  return keys.map((key) => `v1,${createHmac("sha256", key).update(content).digest("base64")}`).join(" ");
}
