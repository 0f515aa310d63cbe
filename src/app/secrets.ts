import { createHash, createPrivateKey, generateKeyPairSync, hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { RollbookError } from "../core/errors.ts";
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

/** The same for every replica that has the ledger's key: a request may be reported to another one than served it. */
export function sharedRequestKey(ledger: KeyObject): Uint8Array {
  const secret = ledger.export({ type: "pkcs8", format: "der" });
  return new Uint8Array(hkdfSync("sha256", secret, "", "rollbook.dev/request-ids", 32));
}

/** An Ed25519 private key from PEM. @throws CONNECTIONS_INVALID */
export function givenLedgerKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // said below, without a word of what was given
  }
  throw new RollbookError("CONNECTIONS_INVALID", {
    file: "connections.yaml",
    reason: "ledger-key is not an Ed25519 private key in PEM",
  });
}

/** Makes a new API token, keeps its SHA-256 and answers the secret: the only time that anybody can read it. */
export async function issueToken(store: Store, role: TokenRecord["role"], id: string): Promise<string> {
  const secret = `rbk_${randomBytes(24).toString("base64url")}`;
  const sha256 = createHash("sha256").update(secret).digest("hex");
  await store.commit([{ kind: "token", token: { id, sha256, role, createdAt: systemClock.now() } }]);
  return secret;
}

/** Of several processes that make it at once, one makes it. */
function keptSecret(file: string, make: () => string): string {
  if (!existsSync(file)) {
    const fresh = `${file}.${randomBytes(6).toString("hex")}.new`;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(fresh, make(), { mode: 0o600 });
    try {
      linkSync(fresh, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(fresh);
    }
  }
  return readFileSync(file, "utf8");
}
