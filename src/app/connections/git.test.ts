import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { openVault } from "../../store/vault/vault.ts";
import { systemClock } from "../system-clock.ts";
import { gitConnection } from "./git.ts";

const skip = spawnSync("git", ["--version"]).error === undefined ? false : "git is not on PATH";

test("a folder of plain files has the same digest in git as in the vault", { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-git-app-"));
  const work = join(folder, "work");
  mkdirSync(join(work, "model"), { recursive: true });
  for (const [name, text] of [
    ["z", "1"],
    ["a b", ""],
    ["run", "#!"],
  ] as const)
    writeFileSync(join(work, "model", name), text);
  chmodSync(join(work, "model/run"), 0o755);
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, GIT_CONFIG_NOSYSTEM: "1" };
  const git = (...args: string[]) => execFileSync("git", args, { cwd: work, env });
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("-c", "user.name=x", "-c", "user.email=x@y", "commit", "--quiet", "-m", "first");
  const world = { folder, data: join(folder, "data"), clock: systemClock, secret: () => "" };
  const settings = gitConnection.settings.parse({ repos: { deploy: { url: pathToFileURL(work).href } } });
  const { restore } = gitConnection.connect("config", settings, world);
  const vault = await openVault({ folder: join(folder, "vault"), clock: systemClock });
  for (const path of ["model", "model/run"]) {
    const live = await restore?.read(`config://deploy/${path}`, AbortSignal.timeout(10_000));
    assert.ok(live?.kind === "live", JSON.stringify(live));
    assert.equal(live.digest, await vault.digestAt(join(work, path)));
  }
  assert.ok(readFileSync(join(work, "model/z"), "utf8") === "1");
  rmSync(folder, { recursive: true, force: true });
});

test("settings refuse what is not meant, and name the key", () => {
  const wrong = [
    { repos: { deploy: {} } },
    { repos: { "a/b": { url: "https://host/x" } } },
    { repos: { deploy: { url: "https://host/x", token: "plain text" } } },
    { repos: { deploy: { url: "https://host/x", credentials: "plain text" } } },
    { repos: { deploy: { url: "https://host/x", paths: ["/deploy"] } } },
    { repos: {}, timeout: "soon" },
  ];
  for (const one of wrong) assert.equal(gitConnection.settings.safeParse(one).success, false, JSON.stringify(one));
});
