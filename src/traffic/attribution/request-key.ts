import { createSecretKey, type KeyObject } from "node:crypto";

/** The key of request ids from its 32 bytes. Throws a RangeError for another length: a short key invites forgery. */
export function requestKeyOf(bytes: Uint8Array): KeyObject {
  if (bytes.length !== 32) throw new RangeError(`a request key has 32 bytes, not ${bytes.length}`);
  return createSecretKey(bytes);
}
