import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const shells = { zsh: process.env["ZSH_PROGRAM"], fish: process.env["FISH_PROGRAM"] };

for (const [shell, path] of Object.entries(shells))
  test(`${shell} reads its completion script without complaint`, {
    skip: path ? false : `no ${shell}: ${shell.toUpperCase()}_PROGRAM names it`,
  }, () => {
    const folder = mkdtempSync(join(tmpdir(), "rollbook-completion-"));
    try {
      const printed = spawnSync(process.execPath, [program, "completion", shell], { encoding: "utf8" });
      assert.equal(printed.status, 0, printed.stderr);
      const file = join(folder, `rollbook.${shell}`);
      writeFileSync(file, printed.stdout);
      const { status, stderr } = spawnSync(path as string, ["-n", file], { encoding: "utf8" });
      assert.deepEqual([status, stderr], [0, ""]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
