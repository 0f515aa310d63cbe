// What Debian's packages bring: found on PATH, or installed when they are missing and this process may install them.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The path, if it may be executed. */
export function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}

/** Where a command lies on PATH. */
export function onPath(command) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => executable(join(folder, command))).find((path) => path !== undefined);
}

/** Installs packages, once; says so, and answers whether it went well. */
export function installDebian(...packages) {
  if (process.getuid?.() !== 0 || onPath("apt-get") === undefined) return false;
  console.log(`Installing ${packages.join(", ")} (apt-get, once) ...`);
  aptGet("update", "-qq");
  return aptGet("install", "-y", "-qq", "--no-install-recommends", ...packages);
}

/** The path of a command that is a package of the same name, or `undefined` after saying what is missing. */
export function provideDebianCommand(variable, command) {
  const named = process.env[variable];
  const found = named ? executable(named) : onPath(command);
  if (found !== undefined) return found;
  const installed = !named && installDebian(command) ? onPath(command) : undefined;
  if (installed === undefined)
    console.log(`No ${command}: install it, or name one with ${variable}. Its tests are skipped.`);
  return installed;
}

function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const done = spawnSync("apt-get", args, { encoding: "utf8", env, timeout: 10 * 60_000 });
  if (done.status === 0) return true;
  const why = (done.stderr ?? "").trim().split("\n").slice(-3).join(" / ") || done.error?.message || "no reason given";
  console.log(`apt-get ${args[0]} failed: ${why}`);
  return false;
}
