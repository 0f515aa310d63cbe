import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { commands } from "./commands.ts";
import { runLine } from "./run-line.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "rollbook-completion-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function scriptOf(shell: string): Promise<string> {
  const { exit, out } = await runLine(["completion", shell]);
  assert.equal(exit, 0);
  const file = join(folder, `rollbook.${shell}`);
  writeFileSync(file, `${out}\n`);
  return file;
}

const hasBash = spawnSync("bash", ["-c", "exit 0"]).status === 0;
const needsBash = hasBash ? {} : { skip: "no bash on this machine" };

describe("completion", () => {
  test("in bash: commands, their words, their options, and what belongs after an option", needsBash, async () => {
    writeFileSync(join(folder, "playbook.yaml"), "");
    const source = await scriptOf("bash");
    const complete = (line: string) => {
      const words = line.split(" ");
      const script = `set -u; cd ${folder}; source ${source}; complete -p rollbook >&2; COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _rollbook; printf '%s\\n' "\${COMPREPLY[@]+"\${COMPREPLY[@]}"}"`;
      const { status, stdout, stderr } = spawnSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      assert.match(stderr, /^complete -o filenames -F _rollbook rollbook\n$/);
      return stdout.trim().split("\n");
    };
    const all = complete("rollbook ");
    for (const name of Object.keys(commands)) assert.ok(all.includes(name), name);
    assert.deepEqual(complete("rollbook ro"), ["rollback"]);
    assert.deepEqual(complete("rollbook --json sta"), ["status"]);
    assert.deepEqual(complete("rollbook ledger ver"), ["verify"]);
    assert.deepEqual(complete("rollbook rollback --rea"), ["--reason"]);
    assert.deepEqual(complete("rollbook rollback --reason "), [""]);
    assert.deepEqual(complete("rollbook init --kind p"), ["prompt"]);
    assert.deepEqual(complete("rollbook lint play"), ["playbook.yaml"]);
    assert.deepEqual(complete("rollbook --system ledger st"), ["status"], "a value is no command");
    assert.deepEqual(complete("rollbook help wat"), ["watch"]);
  });

  test("names every command and every option, in every shell", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { out } = await runLine(["completion", shell]);
      for (const name of Object.keys(commands)) assert.match(out, new RegExp(`\\b${name}\\b`), `${shell}: ${name}`);
      assert.match(out, /dry-run/);
      assert.equal(out.split("'").length % 2, 1, `${shell}: quotes are closed`);
      assert.deepEqual(JSON.parse((await runLine(["completion", shell, "--json"])).out), { shell, script: out });
    }
  });
});
