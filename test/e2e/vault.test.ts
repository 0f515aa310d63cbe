import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AT, machine, request } from "../../src/app/connections/vault-machine.fixture.ts";
import { digestOf } from "../../src/core/digest.ts";
import { describeRestoreAdapter } from "../../src/testing/index.ts";

const signal = () => AbortSignal.timeout(10_000);

for (const kind of ["file", "tree"] as const) {
  describeRestoreAdapter({
    name: `the vault adapter with a ${kind} on a real disk`,
    setup: async () => {
      const { adapter, old, fresh, rival, stop } = await machine(kind, {}, tmpdir());
      const revisions = [old, fresh] as const;
      return { adapter, at: AT, revisions, unknown: digestOf("never put"), reference: "model 12", rival, stop };
    },
  });
}

describe("a tree on a real disk", () => {
  test("never shows a mixture to a reader, nor nothing, while it is switched back and forth", async () => {
    const { folder, path, adapter, old, fresh, stop } = await machine("tree", {}, tmpdir());
    const reader = `const fs = require("fs"), path = process.argv[1];
      let reads = 0, bad = 0; process.stdout.write("ready\\n");
      process.stdin.on("data", () => { console.log(JSON.stringify({ reads, bad })); process.exit(); });
      (function again() {
        for (let turn = 0; turn < 50; turn++) try {
          const root = fs.realpathSync(path); reads++;
          const [a, b] = ["a", "b"].map((part) => fs.readFileSync(root + "/" + part, "utf8").slice(5));
          if (a !== b) bad++;
        } catch { bad++; }
        setImmediate(again);
      })();`;
    const child = spawn(process.execPath, ["-e", reader, path], { stdio: ["pipe", "pipe", "inherit"] });
    await once(child.stdout, "data");
    for (let turn = 0; turn < 40; turn++) {
      const applied = await adapter.apply(await request(adapter, turn % 2 ? old : fresh, `k${turn}`), signal());
      assert.equal(applied.kind, "applied");
    }
    child.stdin.write("end\n");
    const [told] = await once(child.stdout, "data");
    const { reads, bad } = JSON.parse(String(told));
    assert.ok(reads > 100 && bad === 0, `${bad} of ${reads} reads were wrong`);
    assert.ok(readdirSync(join(folder, "srv/.current.rollbook/revisions")).length <= 3);
    await stop();
  });
});
