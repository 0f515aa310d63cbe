// The Python that plays a stranger's own model in the tutorial's test: Debian's python3, or the one that PYTHON names.
import { spawnSync } from "node:child_process";
import { executable, installDebian, onPath } from "../debian.mjs";

export const name = "PYTHON";

/** The path of a Python 3 with its standard library, or `undefined` after saying what is missing. */
export function provide() {
  const named = process.env.PYTHON;
  const found = named ? executable(named) : find();
  if (found !== undefined) return found;
  const installed = !named && installDebian("python3-minimal", "libpython3-stdlib") ? find() : undefined;
  if (installed === undefined) console.log("No python3: install it, or name one with PYTHON. Its tests are skipped.");
  return installed;
}

function find() {
  const python = onPath("python3");
  if (python === undefined) return undefined;
  return spawnSync(python, ["-c", "import http.server, json, random, threading"]).status === 0 ? python : undefined;
}
