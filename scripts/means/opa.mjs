// The policy engine of the whole-program tests: Open Policy Agent, built once from its Go module and kept in the user's
// cache, or the program that OPA_PROGRAM names.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { executable, onPath } from "../debian.mjs";

const MODULE = "github.com/open-policy-agent/opa";
const VERSION = "v1.22.2";
/** What the module's go.mod asks for. */
const OLDEST_GO = [1, 26];
/** Two minutes on two idle cores. */
const LIMIT_MS = 20 * 60_000;

export const name = "OPA_PROGRAM";

/** The path of `opa`, or `undefined` after saying what is missing. */
export function provide() {
  if (process.env[name]) return executable(process.env[name]) ?? missing(`${process.env[name]} is no program`);
  const file = join(homedir(), ".cache", "rollbook", `opa-${VERSION}`, "opa");
  if (existsSync(file)) return file;
  const go = onPath("go") ?? executable("/usr/local/go/bin/go");
  if (go === undefined || !isRecent(go)) return missing(`Go ${OLDEST_GO.join(".")} or newer is not on PATH`);
  return build(go, file);
}

function build(go, file) {
  console.log(`Building Open Policy Agent ${VERSION} from its Go module (once, minutes) ...`);
  const work = mkdtempSync(join(tmpdir(), "rollbook-opa-"));
  const began = Date.now();
  try {
    const args = ["-n", "15", go, "install", "-trimpath", "-ldflags=-s -w", `${MODULE}@${VERSION}`];
    const env = { ...process.env, GOBIN: work, GOFLAGS: "-buildvcs=false", CGO_ENABLED: "0" };
    const built = spawnSync("nice", args, { cwd: work, env, encoding: "utf8", timeout: LIMIT_MS });
    if (built.status !== 0)
      return missing((built.stderr || String(built.error)).trim().split("\n").slice(-3).join(" / "));
    mkdirSync(dirname(file), { recursive: true });
    // The temporary folder may be on another file system than the cache.
    const staged = `${file}.${process.pid}`;
    copyFileSync(join(work, "opa"), staged);
    renameSync(staged, file);
    console.log(`... took ${Math.round((Date.now() - began) / 1000)} s`);
    return file;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function isRecent(go) {
  const said = spawnSync(go, ["env", "GOVERSION"], { encoding: "utf8" }).stdout ?? "";
  const [major = 0, minor = 0] = said.replace("go", "").split(".").map(Number);
  return major > OLDEST_GO[0] || (major === OLDEST_GO[0] && minor >= OLDEST_GO[1]);
}

function missing(why) {
  console.log(`No OPA: ${why}. Its tests are skipped.`);
  return undefined;
}
