// Sets the project up: the locked dependencies, among them the pinned Node. Plain ES2020 without imports from
// node_modules, so that any Node 20 or newer can run it. Talks on stderr: stdout belongs to the command that follows.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, "node_modules", ".rollbook-setup");
const say = (text) => process.stderr.write(`setup: ${text}\n`);

function fingerprint() {
  const hash = createHash("sha256");
  for (const file of ["package.json", "package-lock.json"]) hash.update(readFileSync(join(root, file)));
  return hash.update(`${process.platform}-${process.arch}`).digest("hex");
}

function install() {
  const began = Date.now();
  say("installing the locked dependencies (once) ...");
  const args = ["ci", "--ignore-scripts", "--include=optional", "--include=dev", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  const options = { cwd: root, stdio: ["ignore", 2, 2] };
  const done = npm?.endsWith("js")
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
  if (done.status !== 0) {
    say(
      "npm ci failed. Nothing of the project ran. Check the network and the registry, then run the same command again.",
    );
    process.exit(1);
  }
  say(`installed in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

function fresh(version) {
  const [major, minor, patch] = version.replace(/^v/, "").split(".").map(Number);
  const at = (floor) => minor > floor[0] || (minor === floor[0] && patch >= floor[1]);
  return major > 26 || (major === 26 && at([5, 1])) || major === 25 || (major === 24 && at([18, 1]));
}

/** The pinned Node sits first on PATH of every npm script. Where it cannot start, the Node of the machine steps in. */
function chooseNode() {
  const bin = join(root, "node_modules", ".bin");
  const pinned = join(bin, process.platform === "win32" ? "node.cmd" : "node");
  if (existsSync(pinned)) {
    const probe = spawnSync(pinned, ["--version"], { encoding: "utf8", shell: process.platform === "win32" });
    if (probe.status === 0) return;
    say(
      `the pinned Node does not start here (${(probe.stderr || probe.error?.message || "no reason given").trim().split("\n")[0]})`,
    );
    for (const name of readdirSync(bin)) if (/^node(\.|$)/.test(name)) rmSync(join(bin, name));
  }
  if (fresh(process.version)) {
    say(`using this machine's Node ${process.version}`);
    return;
  }
  say(
    `Node ${process.version} is too old to run Rollbook itself, and no pinned Node runs on ${process.platform}-${process.arch}.`,
  );
  say("Install Node 24.18.1 or newer (or 26.5.1 or newer) and run the same command again. Nothing was changed.");
  process.exit(1);
}

const wanted = fingerprint();
if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== wanted) {
  install();
  chooseNode();
  writeFileSync(stampFile, wanted);
}
