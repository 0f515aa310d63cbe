// The git of the whole-program tests, with its HTTP server side: Debian's git, or the one that GIT names.
import { spawnSync } from "node:child_process";
import { executable, installDebian, onPath } from "../debian.mjs";

export const name = "GIT";

/** The path of a git that can serve over HTTP, or `undefined` after saying what is missing. */
export function provide() {
  const found = find();
  if (found !== undefined) return found;
  const installed = !process.env.GIT && installDebian("git") ? find() : undefined;
  if (installed === undefined)
    console.log("No git with http-backend: install git, or name one with GIT. Its tests are skipped.");
  return installed;
}

function find() {
  const git = process.env.GIT ? executable(process.env.GIT) : onPath("git");
  if (git === undefined) return undefined;
  // Without a request it answers an error, and so is there; git itself would say that it knows no such command.
  const { stdout } = spawnSync(git, ["http-backend"], { encoding: "utf8" });
  return stdout.startsWith("Status:") ? git : undefined;
}
