import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openVault } from "./vault.ts";

/** Flushes cost nothing in memory; what is tested is the order of things, not the disk. */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const WRITER = fileURLToPath(new URL("./vault-writer.fixture.ts", import.meta.url));

/** Writes until it is killed, some milliseconds after its first put; answers what was acknowledged. */
async function writeAndKill(folder: string, run: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [WRITER, folder, String(run)], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await once(child.stdout, "data");
  await setTimeout(3 + run * 17);
  child.kill("SIGKILL");
  await once(child, "close");
  return said.trim().split("\n");
}

test("whenever a writer is killed, what it acknowledged is whole and what it did not leaves no trace", async (t) => {
  const folder = mkdtempSync(join(MEMORY, "rollbook-vault-crash-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const acknowledged = (await Promise.all([0, 1].map((run) => writeAndKill(folder, run)))).flat();
  const clock = { now: () => Date.now(), sleep: (span: number) => setTimeout(span) };
  const vault = await openVault({ folder: join(folder, "vault"), clock, patience: 0 });
  assert.deepEqual((await vault.verify()).damaged, []);
  for (const line of acknowledged) {
    const [label, digest] = line.split(" ") as [string, string];
    assert.equal((await vault.find(label))?.digest, digest);
  }
  const listed = await vault.list();
  // A revision without a name was killed before its last step; it goes when its retention ends.
  assert.ok(listed.filter(({ labels }) => labels.length === 0).length <= 2);
  await vault.collect();
  assert.deepEqual(readdirSync(join(folder, "vault/drafts")), []);
  assert.deepEqual((await vault.verify()).damaged, []);
  assert.equal((await vault.list()).filter(({ labels }) => labels.length > 0).length >= acknowledged.length, true);
});
