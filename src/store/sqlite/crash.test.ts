import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runs } from "../../testing/runs.fixture.ts";
import { openSqliteStore } from "./sqlite-store.ts";

const writer = fileURLToPath(new URL("crash-writer.fixture.ts", import.meta.url));
const now = () => 0;

/** Runs a writer until it has acknowledged some more commits, kills it, and answers the last one acknowledged. */
async function writeAndKill(folder: string, commits: number): Promise<number> {
  const child = spawn(process.execPath, [writer, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  let last = -1;
  let seen = 0;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      last = Number(line);
      seen += 1;
      // While the writer lives, nobody else gets in.
      if (seen === 1) await assert.rejects(openSqliteStore({ folder, now }), { code: "DATA_FOLDER_IN_USE" });
      if (seen === commits) child.kill("SIGKILL");
    }
  } finally {
    child.kill("SIGKILL");
  }
  assert.equal((await exit)[1], "SIGKILL");
  return last;
}

describe("a process that is killed while it commits", () => {
  it("loses nothing that it acknowledged, leaves no half commit and no lock", async () => {
    const folder = mkdtempSync(join(tmpdir(), "rollbook-crash-"));
    try {
      for (let round = 0; round < runs(8); round += 1) {
        const last = await writeAndKill(folder, randomInt(1, 120));
        const store = await openSqliteStore({ folder, now });
        const count = await store.entryCount();
        // One commit may have been made durable without the time to say so.
        assert.ok(count === last + 1 || count === last + 2, `${count} entries after ${last} was acknowledged`);
        const entries = await store.entries(0, count);
        assert.deepEqual(
          entries.map(({ leaf }) => (JSON.parse(leaf) as { at: number }).at),
          entries.map((_, place) => place),
        );
        assert.equal((await store.route("loans"))?.epoch, count - 1);
        await store.close();
      }
      const database = new DatabaseSync(join(folder, "rollbook.sqlite"));
      assert.deepEqual(Object.values(database.prepare("PRAGMA integrity_check").get() ?? {}), ["ok"]);
      database.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
