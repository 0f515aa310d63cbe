// Two revisions in a vault, of which the first is served from a path of this machine.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Digest } from "../../core/digest.ts";
import type { RestoreAdapter } from "../../core/ports.ts";
import { openVault } from "../../store/vault/vault.ts";
import { systemClock } from "../system-clock.ts";
import { vaultConnection, vaultFolder } from "./vault.ts";

export const AT = "vault://model";
/** Flushes cost nothing in memory: most tests are about the order of things, not the disk. */
export const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const signal = () => AbortSignal.timeout(10_000);

function remove(folder: string): void {
  execFileSync("chmod", ["-R", "u+w", folder]);
  rmSync(folder, { recursive: true, force: true });
}

/** Two revisions in a vault; the first is served, as a file or through a symlink to a folder. */
export async function machine(kind: "file" | "tree", hooks: object = {}, root = MEMORY) {
  const folder = mkdtempSync(join(root, "rollbook-served-"));
  const path = join(folder, "srv/current");
  const source = (name: string) => join(folder, "sources", name);
  for (const name of ["11", "12"]) {
    mkdirSync(kind === "tree" ? source(name) : join(folder, "sources"), { recursive: true });
    if (kind === "tree") for (const part of ["a", "b"]) writeFileSync(join(source(name), part), `${part} of ${name}`);
    else writeFileSync(source(name), `model ${name}`);
  }
  mkdirSync(join(folder, "srv"));
  const serve = (name: string) => {
    if (kind === "file") writeFileSync(`${path}.rival`, readFileSync(source(name)));
    else symlinkSync(source(name), `${path}.rival`);
    renameSync(`${path}.rival`, path);
  };
  serve("11");
  const world = { folder, data: join(folder, "data"), clock: systemClock, secret: () => "secret" };
  const settings = vaultConnection.settings.parse({ components: { model: { path, ...hooks } }, verifyEvery: "0s" });
  const connection = vaultConnection.connect("vault", settings, world);
  mkdirSync(world.data);
  const vault = await openVault({ folder: vaultFolder(world.data), clock: systemClock });
  const [old, fresh] = [await vault.put("model 11", source("11")), await vault.put("model 12", source("12"))];
  const adapter = connection.restore as RestoreAdapter;
  const rival = async (digest: Digest) => serve(digest === old.digest ? "11" : "12");
  const stop = async () => {
    await connection.close?.();
    remove(folder);
  };
  return { folder, path, vault, adapter, old: old.digest, fresh: fresh.digest, source, rival, stop };
}

/** A request as the saga makes it: the place is read first. */
export async function request(adapter: RestoreAdapter, desired: Digest, key = "k", fence = 1) {
  const before = await adapter.read(AT, signal());
  assert.ok(before.kind === "live");
  return { at: AT, desired, before: { digest: before.digest, version: before.version }, key, fence };
}
