// The browser of the whole-program tests: Debian's chromium, or the one that CHROMIUM names. Installed when it is
// missing and this process may install it; otherwise the tests that need one say so and are skipped.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}

function onPath(name) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => executable(join(folder, name))).find((path) => path !== undefined);
}

function find() {
  const named = process.env.CHROMIUM;
  if (named) return executable(named);
  return NAMES.map(onPath).find((path) => path !== undefined);
}

function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const done = spawnSync("apt-get", args, { encoding: "utf8", env, timeout: 10 * 60_000 });
  if (done.status === 0) return true;
  const why = (done.stderr ?? "").trim().split("\n").slice(-3).join(" / ") || done.error?.message || "no reason given";
  console.log(`apt-get ${args[0]} failed: ${why}`);
  return false;
}

/** The path of a browser, or `undefined` after saying what is missing. */
export function provideBrowser() {
  const found = find();
  if (found !== undefined) return found;
  const mayInstall = process.getuid?.() === 0 && onPath("apt-get") !== undefined && !process.env.CHROMIUM;
  if (!mayInstall) {
    console.log("No browser: install chromium, or name one with CHROMIUM. The browser tests are skipped.");
    return undefined;
  }
  console.log("Installing chromium (apt-get, once) ...");
  aptGet("update", "-qq");
  aptGet("install", "-y", "-qq", "--no-install-recommends", "chromium");
  const installed = find();
  if (installed === undefined) console.log("No browser could be installed. The browser tests are skipped.");
  return installed;
}
