import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store, TokenRecord } from "../core/ports.ts";
import { systemClock } from "./system-clock.ts";

/** The key that signs tree heads. It lies beside the store, readable by its owner only; a backup of it is a copy of it. */
export function ledgerKey(folder: string): KeyObject {
  const pem = keptSecret(join(folder, "ledger.key"), () =>
    generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  );
  return createPrivateKey(pem);
}

/** The 32 bytes that sign request ids. */
export function requestKey(folder: string): Uint8Array {
  return Buffer.from(
    keptSecret(join(folder, "request.key"), () => randomBytes(32).toString("hex")),
    "hex",
  );
}

/** Makes a new API token, keeps its SHA-256 and answers the secret: the only time that anybody can read it. */
export async function issueToken(store: Store, role: TokenRecord["role"], id: string): Promise<string> {
  const secret = `rbk_${randomBytes(24).toString("base64url")}`;
  const sha256 = createHash("sha256").update(secret).digest("hex");
  await store.commit([{ kind: "token", token: { id, sha256, role, createdAt: systemClock.now() } }]);
  return secret;
}

function keptSecret(file: string, make: () => string): string {
  if (!existsSync(file)) {
    const fresh = `${file}.new`;
    writeFileSync(fresh, make(), { mode: 0o600 });
    renameSync(fresh, file);
  }
  return readFileSync(file, "utf8");
}
